r"""Paths into a JSON document.

Written as text, `properties.items[0].price`, with `["..."]` for a key that holds a dot, a space or a
bracket: `["id.orig_h"]`, `payload["content type"].size`. Inside the quotes `\"` and `\\` stand for
themselves. Written as a list, every string is a key and every integer an index: `[payload, "id.orig_h", 0]`.
"""

import re
from collections.abc import Mapping, Sequence

Path = tuple[str | int, ...]

_SEGMENT = re.compile(
    r"""(?P<dot>\.)?(?P<key>[^.\[\]"]+)      # a plain key
      | \[(?P<index>[0-9]+)\]                # an array index, from 0
      | \["(?P<quoted>(?:[^"\\]|\\["\\])+)"\]  # a quoted key
    """,
    re.VERBOSE,
)


def parse(written: object) -> Path:
    """Return the keys and indexes of a path as written in a config file.

    Raises:
        ValueError: it is neither text nor a list, is empty, or has a part that is no key or index.
    """
    if isinstance(written, str):
        return _parse_text(written)
    if isinstance(written, Sequence) and written:
        return tuple(_list_part(part) for part in written)
    raise ValueError("a path is text such as `user.id`, or a list of keys and indexes")


def _list_part(part: object) -> str | int:
    if isinstance(part, str) and part:
        return part
    if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
        return part
    raise ValueError(f"{part!r} is neither a key nor an index from 0")


def _parse_text(text: str) -> Path:
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None or (match["key"] and bool(match["dot"]) != bool(parts)):
            raise ValueError(
                f"`{text}` can't be read at character {position + 1}; "
                'write `a.b[0]`, and `["a.b"]` for a key with a dot, a space or a bracket'
            )
        if match["key"]:
            parts.append(match["key"])
        elif match["index"]:
            parts.append(int(match["index"]))
        else:
            parts.append(re.sub(r"\\(.)", r"\1", match["quoted"]))
        position = match.end()
    if not parts:
        raise ValueError("the path is empty; leave it out to take the key named like the column")
    return tuple(parts)


def written(path: Path) -> str:
    """Return a path as text that `parse` reads back to the same path."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r'[^.\[\]"]+', part):
            text += f".{part}" if text else part
        else:
            text += '["' + part.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text


def find(document: object, path: Path) -> object:
    """Return the value at `path`, or None where a key, an index or a container is missing."""
    value = document
    for part in path:
        if isinstance(part, str):
            if not isinstance(value, dict):
                return None
            value = value.get(part)
        else:
            if not isinstance(value, list) or part >= len(value):
                return None
            value = value[part]
    return value


def container(document: object, path: Path) -> Mapping[str | int, object]:
    """Return what the object or array at `path` holds, by key or index; nothing where there is none."""
    found = find(document, path) if path else document
    if isinstance(found, dict):
        return found
    return dict(enumerate(found)) if isinstance(found, list) else {}
