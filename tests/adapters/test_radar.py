"""What arrives and is not loaded, and how it comes to be loaded: radar, adopt, and the past of an adopted event."""

import argparse
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from log_router.cli import adopt, radar, scaffold
from log_router.cli.main import parser
from log_router.core.catalog import Catalog, load_catalog
from log_router.core.errors import ConfigError, NeedsAction
from log_router.core.events import Event
from log_router.radar import Radar
from tests.adapters.place import EVENTS, VIEW, MakePlace, Place, order

REFUND = b'{"event":"refund","amount":12.5,"ts":1767225600,"user":{"id":%d}}\n'


def asked(*words: str) -> argparse.Namespace:
    """Return what the command line asks for."""
    return parser().parse_args(words)


def site_of(place: Place) -> Any:
    """Return what the commands take of a site: here on the servers of the test."""
    return SimpleNamespace(
        **{name: getattr(place, name) for name in ("store", "warehouse", "statements", "settings", "catalog")}
    )


def radar_of(place: Place) -> Radar:
    """Return the radar of a place."""
    return Radar(place.store, place.warehouse, place.statements, place.settings, place.catalog)


@pytest.fixture
def loaded(place: Place) -> Place:
    """Give a site with two hours loaded: orders with fields that no column reads, and refunds, which have no file."""
    place.upload("raw/2026/01/31/13/a", order(1, coupon="x", gift={"wrap": True}) + VIEW + REFUND % 1)
    place.upload("raw/2026/01/31/14/a", order(2) + REFUND % 2 + REFUND % 3 + b'{"event":"ping"}\n')
    place.run("first")
    return place


def test_the_record_tells_event_types_without_a_file(loaded: Place) -> None:
    """How many lines and raw objects, and between which hours; most lines first."""
    refund, ping = radar_of(loaded).unrouted()
    assert (refund.event_type, refund.lines, refund.objects) == ("refund", 3, 2)
    assert refund.first is not None
    assert refund.last is not None
    assert (refund.first.start.hour, refund.last.start.hour) == (13, 14)
    assert (ping.event_type, ping.lines) == ("ping", 1)


def test_fields_without_a_column_are_told_with_their_yaml(
    loaded: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines of YAML can be appended to the columns as they are; then the radar is silent about the event."""
    assert radar.run(asked("radar", "--event", "order_placed", "--json"), site_of(loaded)) == 1
    told = orjson.loads(capsys.readouterr().out)
    assert told["looked_at"] == {"objects": 2, "lines": 7}
    (event,) = told["fields"]
    columns = {one["yaml"]: one["share"] for one in event["columns"]}
    assert columns == {
        "{name: properties_coupon, path: properties.coupon, type: varchar(16)}": 1,
        "{name: properties_gift_wrap, path: properties.gift.wrap, type: boolean}": 1,
    }
    more = [
        {"name": "coupon", "path": "properties.coupon", "type": "varchar(16)"},
        {"name": "gift", "path": "properties.gift", "type": "super"},
    ]
    orders = Event.model_validate(
        {**EVENTS[0].model_dump(), "columns": [*EVENTS[0].model_dump()["columns"], *more]}
    )
    wiser = replace(loaded, catalog=Catalog(event_key="event", events=(orders, EVENTS[1])))
    assert radar.run(asked("radar", "--event", "order_placed"), site_of(wiser)) == 0


def test_the_radar_reads_for_people(loaded: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Event types with their hours, and what to do."""
    assert radar.run(asked("radar"), site_of(loaded)) == 1
    said = capsys.readouterr()
    assert "refund: 3 lines in 2 raw objects, 2026-01-31T13:00:00Z to 2026-01-31T15:00:00Z" in said.out
    assert "$ log-router adopt 'refund' --yes" in said.out
    assert "order_placed: no column reads properties.coupon 100%, properties.gift.wrap 100%" in said.out
    assert "looked at 7 lines of the newest 2 raw objects" in said.err


def test_the_fields_of_one_event_are_told_as_yaml(loaded: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """As they are appended to its columns."""
    assert radar.run(asked("radar", "--event", "order_placed"), site_of(loaded)) == 1
    told = capsys.readouterr().out
    assert "  - {name: properties_coupon, path: properties.coupon, type: varchar(16)}\n" in told
    assert "refund" not in told


def test_an_adopted_event_sees_its_past(
    loaded: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is right at once, and the hours that the command names hold all of its lines."""
    events = tmp_path / "events"
    assert adopt.run(asked("adopt", "refund", "--yes", "--out", str(events)), site_of(loaded)) == 0
    said = capsys.readouterr().out
    assert (
        "log-router backfill --event refund --from 2026-01-31T13:00:00Z --to 2026-01-31T15:00:00Z --wait"
        in said
    )
    assert "reads 2 raw objects with 3 lines of it" in said
    with pytest.raises(ConfigError, match="is there already"):
        adopt.run(asked("adopt", "refund", "--yes", "--out", str(events)), site_of(loaded))
    adopted = load_catalog(tmp_path, loaded.settings)
    wiser = replace(loaded, catalog=Catalog(event_key="event", events=(*EVENTS, *adopted.events)))
    settled = wiser.run("second", events=("refund",)).settlement
    assert (settled.rows, settled.quarantined) == (3, 0)
    assert wiser.rows("SELECT amount, ts, user_id FROM refund ORDER BY 3") == [
        [12.5, wiser.rows("SELECT TIMESTAMP '2026-01-01 00:00:00'")[0][0], number] for number in (1, 2, 3)
    ]
    with pytest.raises(NeedsAction, match="has a file: event refund"):
        adopt.run(asked("adopt", "refund", "--dry-run"), site_of(wiser))


def test_an_unknown_event_type_is_not_adopted(loaded: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The record knows of none."""
    assert adopt.run(asked("adopt", "refnd", "--dry-run"), site_of(loaded)) == 1
    assert "knows no unrouted event type `refnd`" in capsys.readouterr().err


def test_a_value_that_no_condition_names_is_adopted_with_its_own(
    make_place: MakePlace, tmp_path: Path
) -> None:
    """The file has the condition."""
    card = {"name": "card", "event_type": "pay", "table": "card", "when": {"path": "by", "equals": "card"}}
    place = make_place(
        events=(Event.model_validate({**card, "columns": [{"name": "n", "type": "integer"}]}),)
    )
    place.upload(
        "raw/2026/01/31/13/a", b'{"event":"pay","by":"gift","n":1}\n{"event":"pay","by":"card","n":2}\n'
    )
    place.run("first")
    assert (
        adopt.run(asked("adopt", "pay[by=gift]", "--yes", "--out", str(tmp_path / "events")), site_of(place))
        == 0
    )
    (gift,) = load_catalog(tmp_path, place.settings).events
    assert (gift.event_types, gift.when and gift.when.text) == (("pay",), "gift")
    wiser = replace(place, catalog=Catalog(event_key="event", events=(*place.catalog.events, gift)))
    assert wiser.run("second").settlement.rows == 2
    assert wiser.rows(f"SELECT n FROM {gift.table}") == [[1]]


def test_a_prefix_of_the_raw_bucket_is_scaffolded(loaded: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """By the site's connection; another bucket is refused."""
    bucket = loaded.settings.raw_bucket
    words = ("--event-key", "event", "--event", "refund", "--dry-run")
    assert scaffold.run(asked("scaffold", f"s3://{bucket}/raw/2026/01/31/14/", *words), site_of(loaded)) == 0
    assert "of 2 lines of refund" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="is not in the raw bucket"):
        scaffold.run(asked("scaffold", "s3://other/raw/", *words), site_of(loaded))
    with pytest.raises(ConfigError, match="there is no object"):
        scaffold.run(asked("scaffold", f"s3://{bucket}/row/", *words), site_of(loaded))


def test_event_types_of_the_record_are_scaffolded(
    loaded: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that have no file, or those that are named; what they are called does not clash with the site's."""
    words = ("scaffold", "--unrouted", "--out", str(tmp_path / "events"))
    assert scaffold.run(asked(*words, "--event", "ping", "--dry-run"), site_of(loaded)) == 0
    assert "refund" not in capsys.readouterr().out
    assert scaffold.run(asked(*words), site_of(loaded)) == 0
    assert {event.name for event in load_catalog(tmp_path, loaded.settings).events} == {"ping", "refund"}
    with pytest.raises(ConfigError, match="knows no such event type without a file"):
        scaffold.run(asked(*words, "--event", "order_placed"), site_of(loaded))
    with pytest.raises(ConfigError, match="or --unrouted by itself"):
        scaffold.run(asked(*words, "--event-key", "event"), site_of(loaded))


def test_an_event_type_that_the_newest_objects_lack_is_scaffolded(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for by itself."""
    monkeypatch.setattr("log_router.radar.OBJECTS", 1)
    place.upload("raw/2026/01/31/13/a", REFUND % 1)
    place.run("first")
    place.upload("raw/2026/01/31/14/a", b'{"event":"ping"}\n')
    place.run("second")
    assert (
        scaffold.run(asked("scaffold", "--unrouted", "--out", str(tmp_path / "events")), site_of(place)) == 0
    )
    assert {event.name for event in load_catalog(tmp_path, place.settings).events} == {"ping", "refund"}
