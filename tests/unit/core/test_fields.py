"""What the keys of columns and events make of a line: routes, masks, fixed values, leniency, growth, other fields."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from log_router.core import quarantine
from log_router.core.catalog import Catalog
from log_router.core.errors import BrokenObject, ConfigError
from log_router.core.events import Event
from log_router.core.lines import LongLine
from log_router.core.masks import Masks
from log_router.core.records import Fate, fates_of, joined
from log_router.core.reports import ObjectReport, QuarantinedLine, UnroutedLine
from log_router.core.routes import conflicts
from log_router.core.split import Splitter

SECRET = b"a secret"
ID = {"name": "id", "type": "bigint"}


class Kept:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.bad: list[QuarantinedLine] = []
        self.others: list[UnroutedLine] = []

    def rows(self, event: str, rows: bytes, count: int) -> None:
        """Remember rows without their lineage."""
        documents = list(map(orjson.loads, rows.splitlines()))
        assert len(documents) == count
        self.taken += [
            (event, {key: document[key] for key in document if not key.startswith("_lr_")})
            for document in documents
        ]

    def quarantined(self, line: QuarantinedLine) -> None:
        """Remember a line."""
        self.bad.append(line)

    def unrouted(self, line: UnroutedLine) -> None:
        """Remember a line."""
        self.others.append(line)


def event(name: str = "buy", **keys: Any) -> Event:
    return Event.model_validate({"name": name, "event_type": name, "table": name, "columns": [ID], **keys})


def split(
    catalog: Catalog | Event, *lines: Any, events: tuple[str, ...] = (), secret: bytes = SECRET
) -> tuple[Kept, ObjectReport]:
    if isinstance(catalog, Event):
        catalog = Catalog(event_key="e", events=(catalog,))
    sink = Kept()
    given = [line if isinstance(line, bytes | LongLine) else orjson.dumps(line) for line in lines]
    return sink, Splitter(catalog, "b", events, secret).split("o", [given], sink)


def column(type_: str, **keys: Any) -> list[dict[str, Any]]:
    return [{"name": "x", "type": type_, **keys}]


def test_several_event_types_become_one_table() -> None:
    """Each name of a list sends its lines to the event."""
    sink, report = split(
        event(event_type=["buy", "purchase"]), *({"e": e} for e in ("buy", "purchase", "sell"))
    )
    assert [name for name, _ in sink.taken] == ["buy", "buy"]
    assert report.unrouted == {"sell": 1}


def test_values_of_several_event_keys_are_joined() -> None:
    """A list of event keys makes `Channel+EventID`; one that is missing makes the line no event's."""
    catalog = Catalog(event_key=("Channel", "System.EventID"), events=(event(event_type="Security+4624"),))
    good = {"Channel": "Security", "System": {"EventID": 4624}, "id": 1}
    sink, _ = split(catalog, good, {"Channel": "Security"})
    assert sink.taken == [("buy", {"id": 1})]
    assert (sink.bad[0].reason, "System.EventID" in sink.bad[0].detail) == ("no_event_type", True)


CARD = event("card", event_type="pay", when={"path": "method.kind", "equals": "card"})
CASH = event("cash", event_type="pay", when={"path": "method.kind", "equals": 1})
REST = event("rest", event_type="pay")


def paid(kind: Any) -> dict[str, Any]:
    return {"e": "pay", "id": 1, "method": {"kind": kind}}


def test_one_event_type_goes_to_two_tables_by_a_value() -> None:
    """Values are compared as text; what no event names goes to the one without a condition."""
    lines = [paid("card"), paid("1"), paid(1), paid(None), paid({"a": 1}), paid("CARD")]
    sink, _ = split(Catalog(event_key="e", events=(CARD, CASH, REST)), *lines)
    assert [name for name, _ in sink.taken] == ["card", "cash", "cash", "rest", "rest", "rest"]


def test_a_value_that_no_event_names_is_unrouted_under_a_type_that_says_it() -> None:
    """So a file for it finds its lines, and no other event waits for them."""
    _, report = split(Catalog(event_key="e", events=(CARD, CASH)), paid("gift"), paid(None), paid("x" * 65))
    assert report.unrouted == {
        "pay[method.kind=gift]": 1,
        "pay[method.kind=null]": 1,
        "pay[method.kind=?]": 1,
    }
    gift = event("gift", event_type="pay", when={"path": "method.kind", "equals": "gift"})
    assert gift.claims == ("pay", "pay[method.kind=gift]")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (REST, event("other", event_type=["x", "pay"])),
        (CARD, event("other", event_type="pay", when={"path": "method.kind", "equals": "card"})),
        (CARD, event("other", event_type="pay", when={"path": "kind", "equals": "cash"})),
        (CASH, event("other", event_type="pay", when={"path": "method.kind", "equals": "1"})),
    ],
)
def test_a_line_is_never_two_events(first: Event, second: Event) -> None:
    """The second event is told which type it claims and whose it is."""
    assert list(conflicts([first, second])) == [(second, "pay", first.name)]
    assert not list(conflicts([CARD, CASH, REST]))


def test_a_record_of_conditional_events_is_joined_by_event() -> None:
    """Splitting one event anew leaves the fates of the others, which share its event type."""
    catalog = Catalog(event_key="e", events=(CARD, CASH))
    lines = [paid("card"), paid("card"), paid(1)]
    before = fates_of(split(catalog, *lines)[1], catalog)
    _, report = split(catalog, *lines, events=("cash",))
    assert report.filtered == 2
    now = fates_of(report, catalog)
    assert joined(report, now, before, (CARD,)) == [
        Fate("card", "pay", 2, 0, 0),
        Fate("cash", "pay", 1, 0, 0),
    ]


def test_a_missing_value_becomes_the_default_and_a_constant_is_in_every_row() -> None:
    """Null counts as missing; a default is converted like a value."""
    columns = [
        {"name": "n", "type": "numeric(5,2)", "default": 1.5},
        {"name": "c", "type": "varchar(4)", "constant": "web"},
    ]
    sink, _ = split(
        event(columns=columns), {"e": "buy"}, {"e": "buy", "n": None, "c": "app"}, {"e": "buy", "n": 2}
    )
    assert [row for _, row in sink.taken] == [{"c": "web", "n": n} for n in ("1.50", "1.50", "2.00")]


def test_a_lenient_column_is_counted() -> None:
    """NULL instead of a bad value, whole characters of a long text; every other mistake still quarantines."""
    columns = [
        {"name": "n", "type": "integer", "on_error": "null"},
        {"name": "t", "type": "varchar(5)", "on_error": "truncate"},
    ]
    lines = [
        {"e": "buy", "n": "x", "t": "ééé"},
        {"e": "buy", "n": 1, "t": {"a": 1}},
        {"e": "buy", "t": "a\0"},
    ]
    sink, report = split(event(columns=columns), *lines)
    assert [row for _, row in sink.taken] == [{"t": "éé"}]
    assert [bad.reason for bad in sink.bad] == ["wrong_type", "nul_character"]
    assert report.lenient == {("buy", "n"): 1, ("buy", "t"): 1}
    assert ObjectReport.from_dict(report.to_dict()) == report


def test_what_an_object_that_broke_has_left_is_not_counted() -> None:
    """A chunk is split again without it, by the same splitter."""
    lenient = event(columns=[{"name": "n", "type": "integer", "on_error": "null"}])
    splitter = Splitter(Catalog(event_key="e", events=(lenient,)), "b")
    line = b'{"e":"buy","n":"x"}'

    def breaking() -> Iterator[list[bytes]]:
        yield [line, line]
        raise BrokenObject("truncated", "its data ends too early")

    with pytest.raises(BrokenObject):
        splitter.split("a", breaking(), Kept())
    assert splitter.split("b", [[line]], Kept()).lenient == {("buy", "n"): 1}


def test_a_growing_column_takes_longer_texts_and_tells_how_long() -> None:
    """Bytes, not characters; beyond the limit the line is quarantined."""
    growing = event(columns=column("varchar(4)", grow_to=9))
    sink, report = split(growing, *({"e": "buy", "x": text} for text in ("abcd", "éééé", "abcde", "x" * 10)))
    assert len(sink.taken) == 3
    assert report.widest == {("buy", "x"): 8}
    assert [bad.reason for bad in sink.bad] == ["too_long"]
    _, report = split(growing, {"e": "buy", "x": "abcd"})
    assert not report.widest


def test_other_fields_are_kept_as_they_are_nested() -> None:
    """Without named fields, the event key, conditions and what is masked; nothing where none is left."""
    columns = [
        {"name": "a", "path": "u.a", "type": "integer"},
        {"name": "m", "path": "u.m", "type": "varchar(9)", "mask": "drop"},
        {"name": "first", "path": "list[0]", "type": "integer"},
    ]
    asked = event(columns=columns, extra="others", when={"path": "w", "equals": 1})
    full = {"e": "buy", "w": 1, "u": {"a": 1, "m": "secret", "b": {"c": 1.50}}, "list": [1, 2], "z": None}
    sink, _ = split(asked, full, {"e": "buy", "w": 1, "u": {"a": 1, "m": "secret"}})
    assert [row for _, row in sink.taken] == [
        {"a": 1, "first": 1, "others": {"u": {"b": {"c": 1.5}}, "list": [1, 2], "z": None}},
        {"a": 1},
    ]
    assert [one.name for one in asked.table_columns] == ["a", "first", "others"]


def hashed(text: str) -> str:
    return hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()


MASKED = event(
    columns=[
        {"name": "email", "path": "user.email", "type": "varchar(64)", "mask": "hash"},
        {"name": "ip", "type": "varchar(45)", "mask": "truncate"},
        {"name": "phone", "type": "varchar(20)", "mask": "drop"},
        {"name": "who", "path": "user", "type": "super"},
        {"name": "n", "type": "integer"},
    ],
    extra="others",
)
PERSON = {"e": "buy", "user": {"email": "ann@example.com"}, "ip": "203.0.113.77", "phone": "555-0100", "n": 1}
SECRETS = (b"ann@example", b"113.77", b"555-0100")


def test_masked_values_are_nowhere_in_a_row() -> None:
    """Neither in their columns nor in one that holds their container; equal values have equal hashes."""
    sink, _ = split(
        MASKED, PERSON, {**PERSON, "ip": "2001:db8:1:2::3"}, {**PERSON, "ip": "host", "user": {"email": 5}}
    )
    (_, first), (_, second), (_, third) = sink.taken
    digest = hashed("ann@example.com")
    assert first == {"email": digest, "ip": "203.0.113.0", "who": {"email": digest}, "n": 1}
    assert second["ip"] == "2001:db8:1::"
    assert (third["ip"], third["email"]) == ("hos", hashed("5"))


@pytest.mark.parametrize(
    "line",
    [
        {**PERSON, "n": "ann"},
        {**PERSON, "e": "other"},
        {key: value for key, value in PERSON.items() if key != "e"},
        orjson.dumps(PERSON)[:-1],
        [PERSON],
        orjson.dumps(PERSON) + b"\xff",
        LongLine(orjson.dumps(PERSON), 10**9),
    ],
)
def test_masked_values_are_nowhere_in_what_is_kept_of_a_line(line: Any) -> None:
    """Quarantined or unrouted, readable or not: of a line that can't be masked no byte is kept, but its length."""
    sink, _ = split(MASKED, line)
    assert len(sink.bad) + len(sink.others) == 1
    for bad in sink.bad:
        written = quarantine.row(bad, "b") + bad.raw + bad.detail.encode()
        assert not any(secret in written for secret in SECRETS)
        assert bad.length >= len(bad.raw)
        assert bad.length > 0
    assert not any(secret in other.raw for other in sink.others for secret in SECRETS)


def test_a_line_that_copy_refuses_is_masked_as_well() -> None:
    """What is masked before quarantine by the split is masked in a line that is read again."""
    masks = Masks(Catalog(event_key="e", events=(MASKED,)), SECRET)
    kept = masks.line("buy", orjson.dumps(PERSON))
    assert not any(secret in kept for secret in SECRETS)
    assert orjson.loads(kept)["n"] == 1


def test_where_two_events_mask_a_value_differently_a_line_of_neither_lacks_it() -> None:
    """Nobody could say which mask is meant."""
    one = event("one", columns=column("varchar(64)", mask="hash"))
    two = event("two", columns=column("varchar(64)", mask="truncate"))
    sink, _ = split(Catalog(event_key="e", events=(one, two)), {"e": "three", "x": "private", "y": 1})
    assert orjson.loads(sink.others[0].raw) == {"e": "three", "y": 1}


def test_a_hash_needs_a_secret() -> None:
    """Without one anybody could make the hashes of all addresses."""
    with pytest.raises(ConfigError, match="mask_conn_id"):
        split(MASKED, PERSON, secret=b"")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"columns": column("integer", mask="hash")}, "use varchar instead of integer"),
        ({"columns": column("varchar(63)", mask="hash")}, "use varchar(64)"),
        ({"columns": column("varchar(9)", mask="drop", required=True)}, "keeps nothing"),
        ({"columns": column("varchar(9)", mask="drop")}, "add a column that is kept"),
        ({"columns": column("varchar(9)", mask="truncate", default="a")}, "`mask` is for values of the line"),
        ({"columns": column("integer", constant=1, path="a")}, "remove one"),
        ({"columns": column("integer", constant="a")}, "constant: text where integer is wanted"),
        ({"columns": column("varchar(2)", default="abc")}, "default: 3 bytes do not fit varchar(2)"),
        ({"columns": column("integer", default=[1])}, "neither text, a number nor true or false"),
        ({"columns": column("integer", default=1, required=True)}, "`required` says nothing"),
        ({"columns": column("integer", default=1, constant=2)}, "`default` says nothing"),
        ({"columns": column("integer", on_error="null", required=True)}, "without a value"),
        ({"columns": column("integer", on_error="truncate")}, "is for varchar and char, not integer"),
        ({"columns": column("char(4)", grow_to=9)}, "`grow_to` is for varchar, not char(4)"),
        ({"columns": column("varchar(9)", grow_to=9)}, "must be more than the 9 bytes"),
        ({"columns": [ID], "extra": "id"}, "column `id` stands twice"),
        ({"event_type": []}, "is empty; name the event type"),
        ({"event_type": ["a", "a"]}, "the event type stands twice"),
        ({"event_type": ["a", "b\0"]}, "no U+0000"),
        ({"when": {"path": "a", "equals": None}}, "neither text, a number nor true or false"),
        (
            {
                "columns": [
                    *column("varchar(64)", mask="hash"),
                    {"name": "y", "path": "x", "type": "varchar(9)"},
                ]
            },
            "would hold the value that column `x` masks",
        ),
        (
            {
                "columns": [
                    *column("varchar(64)", mask="hash"),
                    {"name": "y", "path": "x", "type": "varchar(9)", "mask": "drop"},
                ]
            },
            "mask the same value in two ways",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_refused(keys: dict[str, Any], said: str) -> None:
    """With what is wrong and what helps."""
    with pytest.raises(ValidationError) as refused:
        event(**keys)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "keys",
    [
        {"default": 1.5},
        {"constant": True},
        {"mask": "truncate"},
        {"on_error": "null"},
        {"grow_to": 99},
        {"required": True},
        {"path": "y"},
    ],
)
def test_every_key_of_a_column_changes_the_config_hash_and_is_kept_with_the_batch(
    keys: dict[str, Any],
) -> None:
    """A batch is split and loaded by the keys it was planned with."""
    plain, changed = (
        Catalog(event_key="e", events=(event(columns=column("varchar(64)", **given)),))
        for given in ({}, keys)
    )
    assert plain.config_hash != changed.config_hash
    assert Catalog.from_json(changed.to_json()) == changed
