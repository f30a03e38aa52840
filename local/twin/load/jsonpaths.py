"""JSONPaths files: which value of a document goes into which column.

AWS, "Data format parameters" and "COPY from JSON format".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from local.twin.errors import TwinError
from local.twin.load.fields import BAD_LINE, FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Path = tuple[str | int, ...]
    # Finds the values of a document's columns, as their JSON text.
    Shred = Callable[[bytes], Sequence[bytes]]

_NULL = b"null"
_INDEX = r"\[([0-9]{1,9})\]"
_BRACKETS = re.compile(rf"\$(?:\['[^'\[\]]+'\]|{_INDEX})*")
_DOTS = re.compile(rf"\$(?:{_INDEX})*(?:\.[^'.\[\]*]+(?:{_INDEX})*)*")
_STEP = re.compile(rf"{_INDEX}|\['([^'\[\]]+)'\]|\.([^'.\[\]]+)")
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_paths(url: str, body: bytes, columns: int) -> list[Path] | None:
    """Return a file's paths, one for each column; None when it has no "jsonpaths", which means 'auto'."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(url, f"it is no JSON document: {error}") from error
    if not isinstance(document, dict):
        raise _wrong(url, "it must hold one JSON object")
    if "jsonpaths" not in document:
        return None
    expressions = document["jsonpaths"]
    if not isinstance(expressions, list) or not all(isinstance(one, str) and one for one in expressions):
        raise _wrong(url, "jsonpaths must be an array of expressions")
    for expression in expressions:
        if not (_BRACKETS.fullmatch(expression) or _DOTS.fullmatch(expression)):
            raise TwinError(
                "Invalid JSONPath format. Supported notations are 'dot-notation' and 'bracket-notation': "
                + expression
            )
    named = [one for one in expressions if "." in one or "['" in one]
    if len({bool(_BRACKETS.fullmatch(one)) for one in named}) > 1:
        raise TwinError("Invalid JSONPath format: dot-notation and bracket-notation can't be mixed")
    if len(expressions) != columns:
        raise TwinError(
            "Number of jsonpaths and the number of columns should match. "
            f"JSONPath size: {len(expressions)}, Number of columns in table or column list: {columns}"
        )
    return [_steps(expression) for expression in expressions]


def _wrong(url: str, reason: str) -> TwinError:
    return TwinError(f"Invalid JSONPaths file {url}", detail=reason)


def _steps(expression: str) -> Path:
    return tuple(int(found[1]) if found[1] else found[2] or found[3] for found in _STEP.finditer(expression))


def by_paths(paths: Sequence[Path]) -> Shred:
    """Return what finds the paths' values in a document, as their JSON text."""

    def shred(document: bytes) -> list[bytes]:
        opened: dict[Path, bytes] = {(): document}
        return [_find(opened, path) for path in paths]

    return shred


def _find(opened: dict[Path, bytes], path: Path) -> bytes:
    """Return a path's value; `opened` keeps what was found on the way, for paths that share it."""
    for at in range(1, len(path) + 1):
        if path[:at] not in opened:
            opened[path[:at]] = _member(opened[path[: at - 1]], path[at - 1])
    return opened[path]


def _member(raw: bytes, step: str | int) -> bytes:
    if isinstance(step, int):
        values = _decode_array(raw) if raw.lstrip().startswith(b"[") else []
        if step >= len(values):
            raise FieldError(BAD_LINE, "Invalid JSONPath format: Not an array or index out of range.", raw)
        return bytes(values[step])
    if raw == _NULL:
        return _NULL
    if not raw.lstrip().startswith(b"{"):
        raise FieldError(BAD_LINE, "Invalid JSONPath format: Member is not an object.", raw)
    return bytes(_decode_object(raw).get(step, _NULL))
