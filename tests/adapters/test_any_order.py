"""Runs of all events and of some, of what is missing and of all anew, in any order: the tables are what they must be.

A model of some lines says what: it knows which event of which raw object is loaded, and what is recorded.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from log_router.core.batches import Batch, cut
from log_router.core.catalog import Catalog
from log_router.core.events import Event
from tests.adapters.place import MakePlace, Place

NAMES = ("one", "two", "three", "four")
# The events that have a file from the first; the others get theirs one after the other.
FIRST = 2
# Of an object: lines by event, good and bad ones.
Content = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Upload:
    """A raw object appears."""

    content: Content


@dataclass(frozen=True)
class Adopt:
    """The next event gets its file."""


@dataclass(frozen=True)
class Run:
    """A run of some events, or of all where none is named; the load of the `failing` one does not happen."""

    events: frozenset[str]
    reload: bool
    failing: str
    is_cut: bool


contents = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=3
).map(Upload)
runs = st.builds(
    Run,
    st.frozensets(st.sampled_from(NAMES), max_size=2),
    st.sampled_from([False, False, True]),
    st.sampled_from(["", "", *NAMES]),
    st.booleans(),
)
steps = st.lists(st.one_of(contents, runs, runs, st.just(Adopt())), min_size=5, max_size=7)


@dataclass
class Model:
    """What must be: rows in each ledger by raw object, and the unrouted event types of those that are recorded."""

    known: int = FIRST
    objects: dict[str, Content] = field(default_factory=dict)
    ledgers: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in NAMES})
    recorded: dict[str, set[str]] = field(default_factory=dict)

    @property
    def events(self) -> set[str]:
        """The events that have a file."""
        return set(NAMES[: self.known])

    def pending(self, named: Collection[str]) -> list[str]:
        """Return what a run of what is missing must read."""
        wanted = set(named) or self.events
        return [key for key in sorted(self.objects) if not self._is_settled(key, wanted, named)]

    def _is_settled(self, key: str, wanted: set[str], named: Collection[str]) -> bool:
        if key in self.recorded:
            return not self.recorded[key] & wanted
        return bool(named) and all(key in self.ledgers[name] for name in named)

    def run(self, keys: Collection[str], run: Run) -> None:
        """Take note of a run that has read these."""
        wanted = set(run.events) or self.events
        for key in keys:
            content = self.objects[key]
            must = {name for name in wanted if content.get(name, (0, 0))[0]}
            noted = wanted if run.events else must
            for name in wanted - {run.failing}:
                if name in noted:
                    self.ledgers[name][key] = content.get(name, (0, 0))[0]
            if run.failing not in (wanted if run.events or run.reload else must):
                self._record(key, wanted)

    def _record(self, key: str, wanted: set[str]) -> None:
        types = {name for name, counts in self.objects[key].items() if sum(counts)}
        if wanted == self.events:
            self.recorded[key] = types - self.events
        elif key in self.recorded:
            self.recorded[key] -= wanted


@settings(
    max_examples=5,
    deadline=None,
    database=None,
    derandomize=True,
    # Each smaller example would be loaded too; these are small.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(given=steps)
def test_the_tables_are_what_the_runs_were_for(
    make_place: MakePlace, given: list[Upload | Adopt | Run]
) -> None:
    """Each run reads what it must and nothing else, loads what it is for and changes nothing else; no row is twice."""
    place, model = make_place(events=tuple(map(event, NAMES[:FIRST]))), Model()
    everything = Run(frozenset(), reload=False, failing="", is_cut=True)
    for number, step in enumerate([*given, Adopt(), Adopt(), everything, everything]):
        match step:
            case Upload():
                key = f"raw/{number}"
                model.objects[key] = step.content
                place.upload(key, body(step.content))
            case Adopt():
                model.known = min(model.known + 1, len(NAMES))
                events = tuple(map(event, NAMES[: model.known]))
                place = replace(place, catalog=Catalog(event_key="event", events=events))
            case Run() if step.events <= model.events:
                play(place, model, step, f"run {number}")
                assert_as_said(place, model)
    assert model.pending(()) == []


def play(place: Place, model: Model, run: Run, name: str) -> None:
    """Let a run happen at the place and in the model; both must read the same."""
    batch = place.plan(name, reload=run.reload, events=tuple(run.events))
    keys = sorted(model.objects) if run.reload else model.pending(run.events)
    assert [raw.key for raw in batch.objects] == keys
    for each in cut(alone(batch), 1, 64) if run.is_cut else (batch,):
        place.finish(each, run.failing)
    model.run(keys, run)


def alone(batch: Batch) -> Batch:
    """Return a batch with a chunk for each raw object."""
    return replace(batch, chunks=tuple((raw,) for raw in batch.objects))


def event(name: str) -> Event:
    """Return an event whose lines have a number."""
    column = {"name": "n", "type": "integer", "required": True}
    return Event.model_validate({"name": name, "event_type": name, "table": name, "columns": [column]})


def body(content: Content) -> bytes:
    """Return the lines of an object."""
    lines = [
        {"event": name, "n": "bad" if bad else 1}
        for name, counts in content.items()
        for bad, count in enumerate(counts)
        for _ in range(count)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def assert_as_said(place: Place, model: Model) -> None:
    """Compare tables, ledgers and records with the model."""
    schema = place.settings.ledger_schema
    there = {
        table for (table,) in place.rows(f"SELECT table_name FROM svv_tables WHERE table_schema = '{schema}'")
    }
    of = {raw.object_id: raw.key for raw in place.store.list_raw("raw/")}
    for name in sorted(model.events):
        ledger, rows = {}, Counter[object]()
        if f"ledger_{name}" in there:
            said = place.ledger_rows(f"SELECT object_id, rows_loaded FROM {{}}.ledger_{name}")
            ledger = {of[str(object_id)]: count for object_id, count in said}
            assert len(said) == len(ledger)
            found = place.rows(f'SELECT DISTINCT "_lr_object", "_lr_line" FROM "{name}"')
            rows = Counter(of[str(object_id)] for object_id, _ in found)
            assert place.rows(f'SELECT COUNT(*) FROM "{name}"') == [[rows.total()]]
        assert ledger == model.ledgers[name], name
        assert rows == +Counter(model.ledgers[name]), name
    unrouted: dict[str, set[object]] = {
        of[str(object_id)]: set() for (object_id,) in place.ledger_rows("SELECT object_id FROM {}.objects")
    }
    for object_id, event_type in place.ledger_rows(
        "SELECT object_id, event_type FROM {}.object_events WHERE unrouted > 0"
    ):
        unrouted[of[str(object_id)]].add(event_type)
    assert unrouted == model.recorded
