"""How fresh rows are: what loads and settles record of it, what is told of it, on tables new and old."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.observability import stats
from redshift_connector.core import Connection

from log_router import metrics
from log_router.cli import lag
from log_router.cli.main import parser
from log_router.core.errors import NeedsAction
from log_router.core.freshness import Freshness
from log_router.core.selections import selection_of
from log_router.lags import Lags
from log_router.warehouse import Warehouse
from tests.adapters.hours import by_hand
from tests.adapters.place import VIEW, Place, at_each_level, loads, order

HOUR_AGO = "SET loaded_at = DATEADD(hour, -1, loaded_at)"


def times(place: Place) -> dict[object, tuple[object, object]]:
    """Return what object_events says by event: when it was loaded, and by which lane."""
    rows = place.ledger_rows("SELECT event, loaded_at, lane FROM {}.object_events")
    return {event: (loaded_at, lane) for event, loaded_at, lane in rows}


def in_ledger(place: Place, event: str) -> object:
    """Return when the one raw object in an event's ledger was loaded."""
    ((loaded_at,),) = place.ledger_rows(f"SELECT loaded_at FROM {{}}.ledger_{event}")
    return loaded_at


def lags(place: Place) -> Lags:
    """Return what asks for lags."""
    return Lags(place.warehouse, place.statements, place.settings, place.catalog)


@at_each_level
def test_a_record_says_when_its_rows_were_written_and_loaded(place: Place) -> None:
    """The S3 write by the listing, the load by the ledger; of lines that gave no rows there is no time."""
    raw = place.upload("raw/a", order(1) + order("x") + VIEW + b'bad\n{"event":"unknown"}\n')
    assert raw.written_at is not None
    assert abs(datetime.now(UTC) - raw.written_at) < timedelta(minutes=5)
    named = place.store.head_raw("raw/a")
    assert named is not None
    # A header of HTTP has no parts of a second.
    assert named.written_at == raw.written_at.replace(microsecond=0)
    ran = place.run("first")
    assert place.ledger_rows("SELECT written_at FROM {}.objects") == [[raw.written_at.replace(tzinfo=None)]]
    assert times(place) == {
        "order_placed": (in_ledger(place, "order_placed"), "hourly"),
        "page_viewed": (in_ledger(place, "page_viewed"), "hourly"),
        None: (None, None),
    }
    assert [(one.event, one.objects, one.rows) for one in ran.settlement.fresh] == [
        ("order_placed", 1, 1),
        ("page_viewed", 1, 1),
    ]
    assert {one.written_until for one in ran.settlement.fresh} == {raw.written_at}


@at_each_level
def test_rows_that_another_batch_loaded_keep_their_time(place: Place) -> None:
    """A raw object that is settled late has the ledger's time of then, and only what is new counts as fresh now."""
    place.upload("raw/a", order(1) + VIEW)
    place.run("first", failing="page_viewed")
    by_hand(place, f"UPDATE {{ledger}}.ledger_order_placed {HOUR_AGO}")
    place.upload("raw/b", VIEW)
    ran = place.run("second")
    then = in_ledger(place, "order_placed")
    assert [
        row for row in place.ledger_rows("SELECT event, loaded_at FROM {}.object_events") if row[1] == then
    ] == [["order_placed", then]]
    assert [(one.event, one.objects) for one in ran.settlement.fresh] == [("page_viewed", 2)]


def test_what_a_failed_try_had_loaded_is_still_fresh(place: Place) -> None:
    """A load that finds its own batch's rows in the ledger, its first answer lost, tells the same."""
    place.upload("raw/a", order(1))
    batch = place.plan()
    reports = list(place.reports(batch).values())
    (made,) = place.manifests(batch, reports)
    first, second = place.load(made), place.load(made)
    assert (first.loaded_at is None, second.loaded_at is None) == (False, True)
    assert [one.rows for one in place.settle(batch, reports, loads([second])).fresh] == [1]
    ((loaded_at, _),) = times(place).values()
    assert (loaded_at, first.loaded_at) == (in_ledger(place, "order_placed"), loaded_at.replace(tzinfo=UTC))  # type: ignore[attr-defined]


@at_each_level
def test_a_reload_of_one_event_leaves_the_times_of_the_others(place: Place) -> None:
    """What is loaded anew says so; the others keep load and lane, and the raw object the time of its write."""
    raw = place.upload("raw/a", order(1) + VIEW)
    place.run("first")
    by_hand(place, f"UPDATE {{ledger}}.object_events {HOUR_AGO}")
    before = times(place)
    selection = selection_of(
        {"objects": [raw.object_id], "events": ["page_viewed"]}, place.catalog, datetime.now(UTC)
    )
    (found,) = place.planner.select(selection)
    assert found.written_at == raw.written_at
    batch = place.planner.plan("second", "reload", [found], reload=True, events=["page_viewed"])
    assert place.finish(batch).settlement.fresh == []
    after = times(place)
    assert after["order_placed"] == before["order_placed"]
    assert after["page_viewed"] == (in_ledger(place, "page_viewed"), "reload")
    assert len(place.ledger_rows("SELECT 1 FROM {}.objects WHERE written_at IS NOT NULL")) == 1


def test_lag_tells_each_kind_of_run_for_itself(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Old hours that a backfill brings have a line of their own, loads anew none; 1 says that there is nothing."""

    def said(*arguments: str) -> tuple[int, str]:
        status = lag.run(parser().parse_args(["lag", *arguments]), place)  # type: ignore[arg-type]
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    assert said() == (1, "Nothing was loaded in the last 1 hour.\n")
    place.upload("raw/a", order(1) + order(2) + VIEW)
    place.run("first")
    old = place.upload("raw/b", order(3))
    place.finish(place.planner.plan("second", "label", [old], lane="backfill"))
    by_hand(
        place,
        "UPDATE {ledger}.objects SET written_at = DATEADD(day, -2, settled_at) WHERE object_key = 'raw/b'",
    )
    by_hand(
        place,
        "UPDATE {ledger}.objects SET written_at = DATEADD(second, -7, settled_at) WHERE object_key = 'raw/a'",
    )
    by_hand(
        place,
        "UPDATE {ledger}.object_events SET loaded_at = settled_at FROM {ledger}.objects AS o "
        "WHERE o.object_id = object_events.object_id",
    )
    status, text = said()
    assert (status, text.splitlines()) == (
        0,
        [
            "event         by        raw objects  rows  p50  p95  max",
            "order_placed  backfill            1     1  2 d  2 d  2 d",
            "order_placed  hourly              1     2  7 s  7 s  7 s",
            "page_viewed   hourly              1     1  7 s  7 s  7 s",
        ],
    )
    place.run("third", reload=True, events=("page_viewed",))
    status, text = said("--json", "--hours", "2")
    document = json.loads(text)
    assert (status, document["hours"], len(document["lags"])) == (0, 2, 2)
    # The record of the raw object was written anew: the listing still tells when it was written.
    hourly = document["lags"][1]
    assert (hourly.pop("p50"), hourly.pop("p95")) == (hourly["max"], hourly["max"])
    assert 0 <= hourly.pop("max") < 600
    assert hourly == {"event": "order_placed", "lane": "hourly", "objects": 1, "rows": 2}
    assert said("--event", "page_viewed")[0] == 1
    with pytest.raises(
        NeedsAction, match="there is no event page_veiwed; there are order_placed, page_viewed"
    ):
        lags(place).of_last(1, ["page_veiwed"])


def test_airflow_is_told_of_each_event() -> None:
    """By its metrics: the longest time, never below none, and until when written what is loaded now was."""
    told: list[tuple[str, object]] = []

    class Backend:
        """What Airflow hands metrics to."""

        timing = gauge = staticmethod(lambda stat, value: told.append((stat, value)))

    stats.initialize(factory=Backend, export_legacy_names=True)  # type: ignore[arg-type]
    until = datetime(2026, 1, 31, 13, tzinfo=UTC)
    one = Freshness("order_placed", 2, 3, timedelta(seconds=4), timedelta(seconds=9), until)
    early = replace(one, event="page_viewed", shortest=timedelta(seconds=-1), longest=timedelta(seconds=-1))
    metrics.emit("stream", [one, early])
    assert told == [
        ("log_router.lag.stream.order_placed", timedelta(seconds=9)),
        ("log_router.written_until.stream.order_placed", until.timestamp()),
        ("log_router.lag.stream.page_viewed", timedelta(0)),
        ("log_router.written_until.stream.page_viewed", until.timestamp()),
    ]


def test_a_task_opens_few_sessions(place: Place) -> None:
    """Each costs a connection and its opening statements: one to plan, one to load, and two to settle."""
    opened: list[object] = []

    def connect() -> Connection:
        opened.append(None)
        return place.warehouse.connect()

    def sessions(task: Callable[[], object]) -> int:
        opened.clear()
        task()
        return len(opened)

    counted = replace(place, warehouse=Warehouse(connect, place.warehouse.opening))
    counted.upload("raw/a", order(1) + b"bad\n")
    assert sessions(counted.plan) == 1
    batch = counted.plan()
    reports = list(counted.reports(batch).values())
    (made,) = counted.manifests(batch, reports)
    assert sessions(lambda: counted.load(made)) == 1
    assert sessions(lambda: counted.settle(batch, reports, {"order_placed": datetime.now(UTC)})) == 2
