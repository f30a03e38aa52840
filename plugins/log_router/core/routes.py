"""Which event a line belongs to, by its event type and, where events have conditions, by one value of it."""

from collections.abc import Iterable

from log_router.core import paths
from log_router.core.events import Event, as_text, conditional_type


class Routes:
    """The way from event types to events; conflicts between events are told by `conflicts`."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._plain: dict[str, str] = {}
        self._conditions: dict[str, tuple[paths.Path, dict[str, str]]] = {}
        for event in events:
            for event_type in event.event_types:
                if event.when is None:
                    self._plain[event_type] = event.name
                else:
                    _, names = self._conditions.setdefault(event_type, (event.when.path, {}))
                    names[event.when.text] = event.name

    def route(self, event_type: str, document: dict[str, object]) -> tuple[str, str | None]:
        """Return the event type and the name of the event that takes the document, None where there is none.

        Where events tell lines of the type apart and none takes this one, the event type says by which value.
        """
        if event_type in self._conditions:
            path, names = self._conditions[event_type]
            text = as_text(paths.find(document, path))
            event = names.get(text) or self._plain.get(event_type)
            return (event_type, event) if event else (conditional_type(event_type, path, text), None)
        return event_type, self._plain.get(event_type)


def conflicts(events: Iterable[Event]) -> Iterable[tuple[Event, str, str]]:
    """Yield each event that claims lines which an earlier one takes, with the event type and that one's name."""
    owners: dict[tuple[str, str | None], str] = {}
    deciding: dict[str, tuple[paths.Path, str]] = {}
    for event in events:
        for event_type in event.event_types:
            text = None if event.when is None else event.when.text
            owner = owners.setdefault((event_type, text), event.name)
            if owner == event.name and event.when is not None:
                path, owner = deciding.setdefault(event_type, (event.when.path, event.name))
                owner = event.name if path == event.when.path else owner
            if owner != event.name:
                yield event, event_type, owner
