"""YAML as config wants it: a mapping, no key twice, every mistake with its line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

# The C parser is some five times faster; it is missing only where PyYAML was built without libyaml.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader, refusing a key that stands twice: plain YAML keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused below: a list or mapping can't be a key
            if key.value in seen:
                line = key.start_mark.line + 1
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"`{key.value}` stands twice, again on line {line}; remove one",
                    key.start_mark,
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def read(file: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        ValueError: the file can't be read as YAML or holds something else than a mapping; says the line.
    """
    try:
        content = yaml.load(file.read_bytes(), Loader=_Loader)  # noqa: S506 - derives from the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"can't be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("the file must hold a mapping of keys to values")  # noqa: TRY004 - one kind for a caller
    return content


def line_of(file: Path, place: Sequence[object]) -> int | None:
    """Return the line, from 1, of what stands at these keys and indexes in a YAML file that can be read.

    Where it is not there, that of the innermost of its holders; None where that is the whole file.
    """
    node = yaml.compose(file.read_bytes(), Loader=_Loader)
    line = None
    for part in place:
        found = _inner(node, part)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


def _inner(node: yaml.Node | None, part: object) -> tuple[yaml.Node, yaml.Node] | None:
    """Return where an entry of a node begins, and what it is."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
