"""Names for columns, tables and files out of whatever names producers use: the same input gives the same names."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from log_router.core import paths
from log_router.core.events import LINEAGE_COLUMNS, MAX_COLUMN_NAME, MAX_TABLE_NAME, SYSTEM_COLUMNS

_DIGEST = 6
# Room for a suffix such as `_12`.
_ROOM = 8


def column_names(found: Iterable[paths.Path], others: Iterable[str] = ()) -> dict[paths.Path, str]:
    """Return a valid column name for each path, no two alike nor like others.

    Of equal ones those of longer paths get numbers.
    """
    names: dict[paths.Path, str] = {}
    taken = {*SYSTEM_COLUMNS, *LINEAGE_COLUMNS, *others}
    for path in sorted(found, key=_order):
        name = _cut("_".join(word for word in map(_word, map(str, path)) if word) or "field", MAX_COLUMN_NAME)
        names[path] = _unlike(name, taken)
        taken.add(names[path])
    return names


def event_names(event_types: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a valid name for the file and the table of each event type, none of those taken, no two alike."""
    names: dict[str, str] = {}
    others = set(taken)
    for event_type in sorted(event_types):
        names[event_type] = _unlike(_cut(_word(event_type) or "event", MAX_TABLE_NAME), others)
        others.add(names[event_type])
    return names


def _order(path: paths.Path) -> tuple[int, str]:
    return len(path), paths.written(path)


def _word(text: str) -> str:
    """Return a text in lower-case letters, digits and _, not starting with _ or a digit."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain).lower()
    word = re.sub(r"[^a-z0-9]+", "_", word).strip("_")
    if not word and text:
        # A script without Latin letters: its code points tell names apart.
        word = "u" + "_".join(f"{ord(character):x}" for character in text[:_DIGEST] if character.isalnum())
    return f"n{word}" if word[:1].isdigit() else word


def _cut(name: str, limit: int) -> str:
    if len(name) <= limit - _ROOM:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=_DIGEST // 2).hexdigest()
    return f"{name[: limit - _ROOM - _DIGEST - 1]}_{digest}"


def _unlike(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found
