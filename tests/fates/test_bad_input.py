"""Bad and odd input through S3, split, COPY and settle: what becomes of each line, asked of the warehouse."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from local.stack import Stack
from log_router.core.catalog import load_catalog, load_settings
from log_router.settling import unfinished
from tests.adapters.place import Place, loads, place_at
from tests.fates.cases import FOLDER, expanded, read_cases
from tests.twin.conformance import same

CASES = {f"{kind}-{case.name}": case for kind, cases in read_cases().items() for case in cases}
LINEAGE = {"_lr_object", "_lr_line", "_lr_batch"}
Fate = tuple[str, Any]


@dataclass
class Found:
    """What the warehouse holds of each raw object, by its case."""

    fates: dict[str, dict[int, Fate]] = field(default_factory=dict)
    counts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    unrouted: dict[str, Counter[str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    rows: int = 0


@pytest.fixture(scope="module")
def found(storage: Stack) -> Found:
    """Run the objects of all cases as one hour; return what became of them."""
    settings = load_settings(FOLDER / "config", {})
    place = place_at(storage, load_catalog(FOLDER / "config", settings).events)
    names = {place.upload(f"raw/{name}{case.key}", case.body).object_id: name for name, case in CASES.items()}
    batch = place.plan()
    reports = list(place.reports(batch).values())
    loaded = loads([place.load(manifest) for manifest in place.manifests(batch, reports)])
    place.settle(batch, reports, loaded)
    broken = {names[one.object_id]: one for report in reports for one in report.broken}
    problems = unfinished(batch, place.catalog, dict(enumerate(reports)), loaded.keys())
    assert sorted(problems) == sorted(one.detail for one in broken.values())
    with psycopg.connect(storage.warehouse_dsn, autocommit=True) as db:
        found = recorded(place, db, names)
    found.broken = {name: one.reason for name, one in broken.items()}
    return found


def recorded(place: Place, db: psycopg.Connection[Any], names: dict[str, str]) -> Found:
    """Return what tables and record say."""
    ledger = place.settings.ledger_schema
    found = Found({name: {} for name in CASES}, unrouted={name: Counter() for name in CASES})
    # every digit of floating-point numbers
    db.execute("SET extra_float_digits TO 2")
    for event in place.catalog.events:
        for row in rows(db, f'SELECT * FROM "{place.settings.table_schema}"."{event.table}"'):
            values = {name: value for name, value in row.items() if name not in LINEAGE and value is not None}
            found.fates[names[row["_lr_object"]]][row["_lr_line"]] = (event.name, values)
            found.rows += 1
    for row in rows(db, f"SELECT * FROM {ledger}.quarantined_lines"):
        fate = (row["event"], row["reason"], row["detail"])
        found.fates[names[row["_lr_object"]]][row["_lr_line"]] = ("quarantined", fate)
        found.rows += 1
    for row in rows(db, f"SELECT * FROM {ledger}.object_events WHERE unrouted > 0"):
        found.unrouted[names[row["object_id"]]][row["event_type"]] = row["unrouted"]
    query = f"SELECT object_id, lines, rows_split, quarantined, unrouted, blank FROM {ledger}.objects"
    found.counts = {names[object_id]: tuple(counts) for object_id, *counts in db.execute(query.encode())}
    return found


def rows(db: psycopg.Connection[Any], query: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query by column."""
    cursor = db.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_every_line_has_the_fate_its_case_says(found: Found, name: str) -> None:
    """Each line is a row with these values, quarantined for this reason, unrouted or blank; counted once."""
    case, fates = CASES[name], found.fates[name]
    assert found.broken.get(name) == case.broken
    if case.broken:
        assert (fates, name in found.counts) == ({}, False)
        return
    lines = case.numbered()
    wanted = (
        len(lines),
        sum(line.row is not None for line in lines),
        sum(line.quarantined is not None for line in lines),
        case.unrouted.total(),
        sum(line.blank for line in lines),
    )
    differing = [
        f"line {number} must be {line.row or line.quarantined}, is {fates.get(number)}"[:2000]
        for number, line in enumerate(lines, start=1)
        if not has_fate(line.row, line.quarantined, fates.get(number))
    ]
    assert not differing, "\n".join(differing)
    assert found.unrouted[name] == case.unrouted
    assert found.counts[name] == wanted


def has_fate(
    row: dict[str, dict[str, Any]] | None, quarantined: tuple[str | None, str, str] | None, fate: Fate | None
) -> bool:
    """Tell whether a line became what it must: this row, quarantined like this, or else neither."""
    if fate is None or (row is None and quarantined is None):
        return fate is None and row is None and quarantined is None
    kind, what = fate
    if quarantined is not None:
        return kind == "quarantined" and what[:2] == quarantined[:2] and what[2].startswith(quarantined[2])
    ((event, values),) = (row or {}).items()
    return (
        kind == event
        and what.keys() == values.keys()
        and all(
            same(expanded(wanted).decode() if isinstance(wanted, str) else wanted, what[column])
            for column, wanted in values.items()
        )
    )


def test_nothing_else_is_there(found: Found) -> None:
    """No line is there twice: there are as many rows and quarantined lines as lines that must be one."""
    assert found.rows == sum(len(fates) for fates in found.fates.values())


def test_every_class_of_bad_input_has_cases() -> None:
    """The README lists the classes, and each has cases."""
    text = (FOLDER.parent / "README.md").read_text()
    listed = re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.MULTILINE)
    kinds = read_cases()
    assert sorted(listed) == sorted(kinds)
    assert all(kinds.values())
