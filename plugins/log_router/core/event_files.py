"""An event file as a person would write it, commented, out of inferred columns."""

import re
from collections.abc import Sequence

import yaml

from log_router.core import paths
from log_router.core.errors import ConfigError
from log_router.core.events import When
from log_router.core.inferring import DEPTH, Inferred, columns, left_out
from log_router.core.profiling import Profile

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
_TIME_NAMES = ("occurred_at", "created_at", "timestamp", "ts", "time", "event_time", "write_ts")
_WHOLE = 100


def event_file(
    name: str,
    event_type: str,
    profile: Profile,
    *,
    depth: int = DEPTH,
    schema: str = "",
    when: When | None = None,
) -> tuple[str, list[Inferred]]:
    """Return the text of the file `name`.yaml for a profile, and its columns; the loader of event files takes it.

    `schema` is the path of the JSON Schema from where the file will lie.

    Raises:
        ConfigError: no field of the profile could be a column.
    """
    inferred = columns(profile, depth)
    if not inferred:
        raise ConfigError([f"event {event_type}: its lines hold no field that could be a column"])
    left = left_out(profile, inferred)
    lines = [
        *([f"# yaml-language-server: $schema={schema}"] if schema else []),
        f"# Made by `log-router scaffold` from {profile.documents:,} lines. Over each column: how many lines have a",
        "# value, and examples in which what may be personal is masked. Take out what nobody will ask for, and give",
        "# personal data a `mask`. All keys: docs/events.md.",
    ]
    if event_type != name:
        lines.append(f"event_type: {scalar(event_type)}")
    if when is not None:
        lines.append(f"when: {{path: {scalar(paths.written(when.path))}, equals: {scalar(when.text)}}}")
    time = event_time(inferred)
    if time:
        lines += [f"event_time: {scalar(time)}", f"sort_key: [{scalar(time)}]"]
    lines += [f"# No column: {', '.join(map(_commented, left))}"] * bool(left)
    lines.append("columns:")
    for column in inferred:
        lines += [f"  # {remark(column)}", f"  - {entry(column)}"]
    return "\n".join(lines) + "\n", inferred


def remark(column: Inferred) -> str:
    """Return what a comment says of a column: how often it has a value, examples, what to know."""
    return f"{_share(column.share)}{_examples(column)}"


def event_time(inferred: Sequence[Inferred]) -> str | None:
    """Return the name of the column that most likely says when the event happened; None where no line always does."""
    times = [column.name for column in inferred if column.is_time]
    return next((name for name in _TIME_NAMES if name in times), times[0] if times else None)


def entry(column: Inferred) -> str:
    """Return a column as one line of YAML."""
    keys = [f"name: {scalar(column.name)}"]
    if column.path != (column.name,):
        keys.append(f"path: {scalar(paths.written(column.path))}")
    keys.append(f"type: {column.type if ',' not in column.type else scalar(column.type)}")
    if column.time_format != "iso":
        keys.append(f"time_format: {column.time_format}")
    return f"{{{', '.join(keys)}}}"


def scalar(text: str) -> str:
    """Return a text as YAML reads it back, whatever it holds."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=False, width=10**9)
    return quoted.removesuffix("\n")


def _share(share: float) -> str:
    return "always" if share == 1 else f"{max(share * _WHOLE, 0.1):.1f} %"


def _examples(column: Inferred) -> str:
    said = f": {', '.join(column.examples)}" if column.examples else ""
    return f"{said}; {column.remark}" if column.remark else said


def _commented(key: str) -> str:
    return scalar(key) if key else "the empty key"
