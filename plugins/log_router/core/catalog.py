"""All events a site loads, read from files once and then only handed around as frozen values."""

import difflib
import hashlib
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import orjson
from pydantic import BaseModel, ValidationError

from log_router.core import paths, quarantine, routes, yaml_file
from log_router.core.errors import ConfigError, WindowError
from log_router.core.events import Column, Event, Strict, Unique, When
from log_router.core.settings import Settings

# A batch may hold all events, and Airflow maps a task over core.max_map_length entries at most: 1,024 by default.
MAX_EVENTS = 1024
# The keys of an event file that hold keys.
_INNER: dict[str, type[BaseModel]] = {"columns": Column, "unique": Unique, "when": When}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Catalog(Strict):
    """The key that tells a line's event type, and the events by name."""

    event_key: str | tuple[str, ...]
    events: tuple[Event, ...]

    @property
    def event_paths(self) -> tuple[paths.Path, ...]:
        """The path of each event key."""
        keys = (self.event_key,) if isinstance(self.event_key, str) else self.event_key
        return tuple(map(paths.parse, keys))

    def event(self, name: str) -> Event:
        """Return the event of that name; KeyError where there is none."""
        for event in self.events:
            if event.name == name:
                return event
        raise KeyError(name)

    def check_events(self, key: str, names: Iterable[str]) -> None:
        """Return when there is an event of each of these names; `key` is the parameter that named them.

        Raises:
            WindowError: there is none; with what may have been meant.
        """
        known = [event.name for event in self.events]
        unknown = [name for name in names if name not in known]
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else "."
            raise WindowError(
                f"{key}: there is no event `{'`, `'.join(unknown)}`{hint} Known are {', '.join(known)}"
            )

    def to_json(self) -> bytes:
        """Return the catalog as canonical JSON: equal catalogs give equal bytes."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return the catalog that `to_json` wrote."""
        return cls.model_validate(orjson.loads(document))

    @property
    def config_hash(self) -> str:
        """16 hex digits that change whenever anything of the catalog does."""
        return hashlib.sha256(self.to_json()).hexdigest()[:16]


def load_settings(folder: Path, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of `folder`/settings.yaml with `overrides` on top.

    Raises:
        ConfigError: with every problem found.
    """
    file = folder / "settings.yaml"
    try:
        return Settings.model_validate({**yaml_file.read(file), **overrides})
    except ValidationError as error:
        raise ConfigError([f"{file}: {line}" for line in _problems(error, Settings, file)]) from error
    except ValueError as error:
        raise ConfigError([f"{file}: {error}"]) from error


def load_catalog(folder: Path, settings: Settings) -> Catalog:
    """Return the events of `folder`/events/*.yaml, sorted by name.

    Raises:
        ConfigError: with every problem of every file, and every table or event type claimed by two files.
    """
    events, problems = read_events(folder)
    if problems:
        raise ConfigError(problems)
    return Catalog(event_key=settings.event_key, events=tuple(events))


def read_events(folder: Path) -> tuple[list[Event], list[str]]:
    """Return the events of `folder`/events/*.yaml that can be read, sorted by name, and every mistake of all files."""
    events: list[Event] = []
    files = sorted((folder / "events").glob("*.yaml"))
    problems = [
        f"{file}: would not be read; rename it to {file.stem}.yaml"
        for file in sorted((folder / "events").glob("*.*"))
        if file.suffix != ".yaml" and file.suffix.lower() in (".yaml", ".yml")
    ]
    if not files:
        problems.append(f"{folder / 'events'}: no event is configured; add one <event>.yaml")
    if len(files) > MAX_EVENTS:
        problems.append(
            f"{folder / 'events'}: {len(files)} events; Airflow loads {MAX_EVENTS} in one run at most"
        )
    for file in files:
        try:
            events.append(_load_event(file))
        except ValidationError as error:
            problems.extend(f"{file}: {line}" for line in _problems(error, Event, file))
        except ValueError as error:
            problems.append(f"{file}: {error}")
    problems.extend(_collisions(folder, events))
    return events, problems


def _load_event(file: Path) -> Event:
    if not _FILE_NAME.fullmatch(file.stem):
        raise ValueError(
            "the file's name is the event's name: use letters, digits, _ . and -, "
            "and put any other spelling of the event type into `event_type`"
        )
    given = yaml_file.read(file)
    if "name" in given:
        raise ValueError("name: an event is named by its file; remove the key")
    defaults = {"name": file.stem, "event_type": file.stem, "table": file.stem.lower()}
    return Event.model_validate({**defaults, **given})


def _collisions(folder: Path, events: list[Event]) -> Iterator[str]:
    own = quarantine.TABLE.name
    for event in events:
        if own in (event.name, event.table):
            file = folder / "events" / f"{event.name}.yaml"
            yield f"{file}: `{own}` is Log Router's own table of quarantined lines; give the event another name"
    owners: dict[str, str] = {}
    for event in events:
        owner = owners.setdefault(event.table, event.name)
        if owner != event.name:
            file = folder / "events" / f"{event.name}.yaml"
            yield f"{file}: table: `{event.table}` is taken by {owner}.yaml; give one of them another `table`"
    for event, event_type, owner in routes.conflicts(events):
        yield (
            f"{folder / 'events' / f'{event.name}.yaml'}: event_type: `{event_type}` is taken by {owner}.yaml; "
            "give one of them another `event_type`, or tell their lines apart by `when`: one path, different `equals`"
        )


def _problems(error: ValidationError, model: type[BaseModel], file: Path) -> Iterator[str]:
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            inner = _INNER.get(str(problem["loc"][0])) if len(problem["loc"]) > 1 else None
            what = _unknown_key(str(problem["loc"][-1]), inner or model)
        elif problem["type"] == "missing":
            what = "is missing; add it"
        elif not problem["type"].startswith("value_error"):
            given = problem["input"]
            # reprlib: the value may be a bomb of aliases
            what = f"{what}, not `{given[:80] if isinstance(given, str) else reprlib.repr(given)}`"
        line = yaml_file.line_of(file, problem["loc"])
        yield f"{f'line {line}: ' if line else ''}{f'{where}: ' if where else ''}{what}"


def _unknown_key(key: str, model: type[BaseModel]) -> str:
    # An event's own name is its file's.
    own = {"name"} if model is Event else set()
    known = [field.alias or name for name, field in model.model_fields.items() if name not in own]
    near = difflib.get_close_matches(key, known, n=1)
    return (
        f"is not a known key; did you mean `{near[0]}`?"
        if near
        else f"is not a known key; known are {', '.join(known)}"
    )
