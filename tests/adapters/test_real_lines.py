"""Scaffolded from real event logs, with no edit by hand: every line of them becomes a row."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from log_router.core.catalog import Catalog, load_catalog
from log_router.core.event_files import event_file
from log_router.core.naming import event_names
from log_router.surveying import Survey, files, read_files
from tests.adapters.place import MakePlace, Place
from tests.e2e import reference
from tests.unit.core.test_scaffold import SETTINGS

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# The values of a row, by the raw object's key and the line's number.
Rows = dict[tuple[str, int], list[Any]]
COMPARED = 500
# Folder and event key; types and lines.
SETS = [
    (("gharchive", "type"), (18, 20_842)),
    (("elite_journal", "event"), (96, 30_117)),
    (("zeek", "_path"), (32, 158_439)),
]


def scaffolded(folder: Path, survey: Survey, event_key: str) -> Catalog:
    """Write and read back the event files of a survey."""
    (folder / "events").mkdir()
    for event_type, name in event_names(survey.profiles).items():
        text, _ = event_file(name, event_type, survey.profiles[event_type])
        (folder / "events" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_catalog(folder, SETTINGS.model_copy(update={"event_key": event_key}))


@pytest.mark.skipif(not DATA.exists(), reason="the real event logs are not on this machine: ../shared/data")
@pytest.mark.parametrize(("logs", "expected"), SETS)
def test_real_logs_are_loaded_whole(
    make_place: MakePlace, tmp_path: Path, logs: tuple[str, str], expected: tuple[int, int]
) -> None:
    """Scaffold, split, COPY: nothing is quarantined or unrouted, and each table has its lines, with their values."""
    (name, event_key), (types, lines) = logs, expected
    survey = Survey(event_key)
    found = files([DATA / name])
    read_files(survey, found, 10**7, lambda _: None)
    catalog = scaffolded(tmp_path, survey, event_key)
    assert (len(catalog.events), survey.lines) == (types, lines)
    place: Place = make_place(events=catalog.events, event_key=event_key)
    for file in found:
        place.upload(f"raw/{file.name}", file.read_bytes())
    ran = place.run("first")
    settled = ran.settlement
    assert (settled.rows, settled.quarantined, settled.unrouted) == (lines, 0, 0)
    wanted = expected_rows(tmp_path / "events", event_key, found)
    for event in reference.events(tmp_path / "events").values():
        rows = wanted[event["table"]]
        assert place.rows(f'SELECT COUNT(*) FROM "{event["table"]}"') == [[len(rows)]]
        # Each row of most tables; of large ones so many that the test does not take minutes.
        for key, values in loaded(place, event, 1 + len(rows) // COMPARED).items():
            differing = [
                column["name"]
                for column, one, other in zip(event["columns"], values, rows[key], strict=True)
                if one != other
            ]
            # Public texts must not fill the screen: not the values themselves.
            assert not differing, f"{event['table']}: {differing} of {key}"


def expected_rows(folder: Path, event_key: str, found: list[Path]) -> dict[str, Rows]:
    """Return what each table must hold, by plain json."""
    events = reference.events(folder)
    rows: dict[str, Rows] = {event["table"]: {} for event in events.values()}
    for file in found:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                document, exact = json.loads(line), json.loads(line, parse_float=Decimal)
                event = events[document[event_key]]
                values = [expected_value(column, document, exact) for column in event["columns"]]
                rows[event["table"]][f"raw/{file.name}", number] = values
    return rows


def expected_value(column: dict[str, Any], document: Any, exact: Any) -> Any:
    """Return what a column must hold: every digit of decimals, and for `super` the value itself."""
    if column["type"] == "super":
        return reference.found(column, exact)
    return reference.value(column, exact if column["type"].startswith("numeric") else document)


def loaded(place: Place, event: dict[str, Any], step: int) -> Rows:
    """Return every `step`-th line's row of a table."""
    columns = ", ".join(f't."{column["name"]}"' for column in event["columns"])
    found = place.rows(
        f'SELECT o.object_key, t."_lr_line", {columns} FROM "{event["table"]}" t '
        f"JOIN {place.settings.ledger_schema}.objects o ON o.object_id = t._lr_object "
        f'WHERE t."_lr_line" % {step} = 0'
    )
    supers = [column["type"] == "super" for column in event["columns"]]
    rows: Rows = {}
    for row in found:
        key, number, *values = row
        rows[str(key), int(str(number))] = [
            json.loads(str(value), parse_float=Decimal) if is_super and value is not None else value
            for value, is_super in zip(values, supers, strict=True)
        ]
    return rows
