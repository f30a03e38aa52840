"""What the split accepts, COPY loads as it stands in the line: no value refused, none changed."""

import json
import re
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from local.stack import Stack
from log_router.core.events import Event
from tests.adapters.place import Place, place_at
from tests.twin import fuzzing, oracle
from tests.twin.fuzzing import examples
from tests.unit.core.recording import json_values

COLUMNS: dict[str, tuple[str, str]] = {
    "small": ("smallint", "iso"),
    "whole": ("integer", "iso"),
    "big": ("bigint", "iso"),
    "amount": ("numeric(9,2)", "iso"),
    "exact": ("numeric(38,0)", "iso"),
    "fraction": ("numeric(38,37)", "iso"),
    "single": ("real", "iso"),
    "double": ("double precision", "iso"),
    "flag": ("boolean", "iso"),
    "day": ("date", "iso"),
    "at": ("timestamp", "iso"),
    "zoned": ("timestamptz", "iso"),
    "seconds": ("timestamp", "epoch_seconds"),
    "milliseconds": ("timestamptz", "epoch_milliseconds"),
    "microseconds": ("date", "epoch_microseconds"),
    "note": ("varchar(12)", "iso"),
    "code": ("char(5)", "iso"),
    "data": ("super", "iso"),
}
EVENT = Event.model_validate(
    {
        "name": "accepted",
        "event_type": "accepted",
        "table": "accepted",
        "columns": [
            {"name": name, "type": kind, "time_format": time_format}
            if "time" in kind or kind == "date"
            else {"name": name, "type": kind}
            for name, (kind, time_format) in COLUMNS.items()
        ],
    }
)
UNITS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000, "epoch_microseconds": 1}
EXACT = Context(prec=500)
READERS: dict[str, Callable[[Any], Any]] = {
    "super": oracle.comparable,
    "boolean": lambda value: str(value).lower() in ("true", "t", "yes", "y", "1"),
    "real": lambda value: struct.unpack("<f", struct.pack("<f", float(value)))[0],
    "double precision": float,
    **dict.fromkeys(("smallint", "integer", "bigint"), lambda value: int(Decimal(value))),
}
EVERYTHING = [(column, text) for text in fuzzing.VALUES for column in COLUMNS]

moments = st.datetimes(timezones=st.timezones() | st.none()).map(datetime.isoformat) | st.datetimes().map(str)
numbers = (
    st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | st.integers(-(2**70), 2**70).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | moments | numbers
values = numbers | texts.map(json.dumps) | json_values.map(json.dumps)
lines = st.lists(st.tuples(st.sampled_from(sorted(COLUMNS)), values), max_size=300)


@pytest.fixture(scope="module")
def place(storage: Stack) -> Place:
    """Give one site for all lists of lines, its schemas made."""
    place = place_at(storage, (EVENT,))
    place.plan()
    return place


# A failure names its value: making the list smaller would cost a load each time.
@settings(examples(10), phases=(Phase.explicit, Phase.generate))
@given(given=lines)
@example(given=EVERYTHING)
def test_what_is_accepted_is_loaded_as_it_is(
    place: Place, storage: Stack, given: list[tuple[str, str]]
) -> None:
    """Any values in any columns: each line is quarantined, or COPY takes it and gives back what is in the line."""
    body = b"".join(
        b'{"event":"accepted","%b":%b}\n' % (name.encode(), text.encode()) for name, text in given
    )
    raw = place.upload("raw/a", body)
    batch = place.batch_of(raw)
    reports = place.reports(batch).values()
    ((report,),) = (chunk.objects for chunk in reports)
    for manifest in place.manifests(batch, reports):
        place.load(manifest)
    found = dict(loaded(place, storage, raw.object_id))
    assert len(found) == report.rows.total() == len(given) - report.quarantined.total()
    for number, row in found.items():
        name, text = given[number - 1]
        wanted = expected(*COLUMNS[name], oracle.parse(text))
        assert row.pop(name, None) == wanted, (COLUMNS[name], text)
        assert not row, (name, text)


def loaded(place: Place, storage: Stack, object_id: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and values of the rows of a raw object."""
    names = [f'"{name}"::double precision' if name == "single" else f'"{name}"' for name in COLUMNS]
    query = f'SELECT _lr_line, {", ".join(names)} FROM "{place.settings.table_schema}".accepted WHERE _lr_object = %s'
    with psycopg.connect(storage.warehouse_dsn, autocommit=True) as db:
        # every digit of floating-point numbers
        db.execute("SET extra_float_digits TO 2")
        for number, *cells in db.execute(query.encode(), [object_id]):
            row = {name: cell for name, cell in zip(COLUMNS, cells, strict=True) if cell is not None}
            if "data" in row:
                row["data"] = oracle.comparable(oracle.parse(row["data"]))
            yield number, row


def expected(kind: str, time_format: str, value: Any) -> Any:
    """Return what a column must hold of a value that was accepted."""
    name, _, rest = kind.partition("(")
    sizes = [int(size) for size in re.findall(r"\d+", rest)]
    if value is None:
        return None
    if name in ("date", "timestamp", "timestamptz"):
        moment = iso(value) if time_format == "iso" else epoch(value, UNITS[time_format])
        return {"date": moment.date(), "timestamp": moment, "timestamptz": moment.replace(tzinfo=UTC)}[name]
    if name == "numeric":
        return Decimal(value).quantize(Decimal(1).scaleb(-sizes[1]), ROUND_HALF_UP, EXACT)
    if name in ("varchar", "char"):
        return as_text(value).ljust(sizes[0] if name == "char" else 0)
    return READERS[name](value)


def as_text(value: Any) -> str:
    """Return text as it is, a number in Python's form, a boolean in JSON's."""
    if isinstance(value, oracle.Number):
        return str(Decimal(value)) if re.search("[.eE]", value) else str(int(value))
    return json.dumps(value) if isinstance(value, bool) else str(value)


def iso(text: str) -> datetime:
    """Return the moment of an ISO 8601 text in UTC."""
    moment = datetime.fromisoformat(text)
    return (moment - (moment.utcoffset() or timedelta())).replace(tzinfo=None)


def epoch(value: str, unit: int) -> datetime:
    """Return the moment that many units after 1970 began, to the microsecond, cut towards it."""
    microseconds = int(EXACT.multiply(Decimal(value), Decimal(unit)))
    return datetime.combine(date(1970, 1, 1), datetime.min.time()) + timedelta(microseconds=microseconds)
