"""What a batch leaves of its work, what an estimate makes of it, and that a dry run leaves nothing."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped

from local.airflow_services import _aws_connection, _redshift_connection
from local.stack import Stack
from log_router.core.estimates import Estimate, total
from log_router.estimating import Estimator
from log_router.plans import PlanHourOperator, PlanHoursOperator, PlanOperator, PlanReloadOperator
from log_router.runs import ESTIMATE
from log_router.settling import Settler
from tests.adapters.hours import FIRST, HOURS, key
from tests.adapters.place import EVENTS, VIEW, WORK, Place, order

BATCHES = (
    "SELECT lane, objects, pending_objects, size_bytes, lines, rows_split, split_tasks, split_seconds, loads, "
    "load_seconds, planned_at FROM {}.batches ORDER BY settled_at"
)
MEASURED = (2048, 1, 2.5, 2, 1.5, datetime(2026, 1, 31, 14, 5))  # noqa: DTZ001 - as the driver gives it
RANGE = {"from": HOURS[0].start.isoformat(), "to": HOURS[2].start.isoformat()}


def batches(place: Place) -> list[tuple[object, ...]]:
    """Return the recorded batches without what WORK says: lane, objects whole and not, lines, rows."""
    found = place.ledger_rows(BATCHES)
    assert all((row[3], *row[6:]) == MEASURED for row in found)
    return [(*row[:3], *row[4:6]) for row in found]


def test_a_batch_is_recorded_once_with_its_work(place: Place) -> None:
    """However often it is settled; one that is not whole says so, one of nothing is none."""
    place.upload("raw/a", order(1) + VIEW + b"bad\n")
    place.upload("raw/b", VIEW)
    assert place.run("empty", failing="order_placed").settlement.incomplete_objects == 1
    assert batches(place) == [("hourly", 1, 1, 1, 1)]
    batch = place.planner.plan("empty", "label", place.store.list_raw("raw/"))
    for _ in range(2):
        place.finish(batch)
    again = [("hourly", 1, 0, 3, 2)]
    assert batches(place) == [("hourly", 1, 1, 1, 1), *again]
    place.run("nothing is left")
    assert len(batches(place)) == len(again) + 1
    place.run("second", reload=True)
    assert batches(place)[-1] == ("reload", 2, 0, 4, 3)


def test_a_batch_of_which_nothing_was_loaded_is_recorded(place: Place) -> None:
    """Its tasks were at work all the same; the run that loads it replaces what was said."""
    place.upload("raw/a", order(1))
    batch = place.plan()
    settler = Settler(place.warehouse, place.statements, place.settings.ledger_schema)
    settler.settle(batch, place.catalog, [], {}, WORK)
    assert batches(place) == [("hourly", 0, 1, 0, 0)]
    place.finish(batch)
    assert batches(place) == [("hourly", 1, 0, 1, 1)]


def test_an_estimate_is_of_what_is_missing(place: Place) -> None:
    """Windows are told for themselves and add up; without a batch there is no time, after one there is."""
    for hour in HOURS:
        place.upload(key("a", hour), order(1) + VIEW)
    before = Estimator(place.planner).hours(HOURS)
    assert (before.objects, before.left_out_objects, before.loads, before.times) == (3, 0, 2, None)
    place.finish(place.plan("first", FIRST.prefix(place.settings.raw_prefix)))
    estimator = Estimator(place.planner)
    windows = [estimator.hours([hour]) for hour in HOURS]
    assert [window.pending_objects for window in windows] == [0, 1, 1]
    both = total(windows)
    assert (both.runs, both.objects, both.left_out_objects, both.chunks, both.loads) == (3, 3, 1, 2, 4)
    assert both.times is not None
    assert both.times.batches == 1
    # One batch of 2,048 bytes and an object took 2.5 s to split and 2 loads of 0.75 s; these have as much to do.
    assert both.times.split_seconds == pytest.approx(2 * 2.5, rel=0.1)
    assert both.times.load_seconds == pytest.approx(4 * 0.75, rel=0.1)
    anew = estimator.hours(HOURS, reload=True, events=["page_viewed"])
    assert (anew.pending_objects, anew.loads) == (3, 1)
    assert estimator.hours([FIRST], events=["page_viewed"]).pending_objects == 0


@dataclass
class Run:
    """One run without Airflow: what its plan asks it, and what that leaves."""

    params: dict[str, Any]
    left: dict[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> Any:
        """What Airflow hands to a task."""
        return {
            "ti": self,
            "params": self.params,
            "run_id": "manual",
            "dag": SimpleNamespace(dag_id="dag"),
            "dag_run": SimpleNamespace(run_type="manual"),
        }

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what a task leaves, as JSON keeps it."""
        self.left[key] = json.loads(json.dumps(value))

    def get_task_states(self, **_: object) -> dict[str, dict[str, str]]:
        """Tell that nothing was mapped by an earlier try."""
        return {}


def everything(storage: Stack, place: Place) -> list[object]:
    """Return all there is on the servers that a run could change: objects, tables with their rows, schemas."""
    found: list[object] = []
    for bucket in (place.settings.raw_bucket, place.settings.staging_bucket):
        listed = place.producer.list_objects_v2(Bucket=bucket).get("Contents", [])
        found += [(bucket, one["Key"], one["ETag"], one["LastModified"]) for one in listed]
    with psycopg.connect(storage.postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' ORDER BY 1"
        )
        found += cursor.fetchall()
        cursor.execute("SELECT oid, relname, relnatts FROM pg_class WHERE relpersistence = 'p' ORDER BY 1")
        found += cursor.fetchall()
        cursor.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN (%s, %s) ORDER BY 1, 2",
            (place.settings.table_schema, place.settings.ledger_schema),
        )
        for schema, table in cursor.fetchall():
            cursor.execute(f'SELECT ctid, xmin, t.* FROM "{schema}"."{table}" AS t'.encode())
            found += cursor.fetchall()
    return found


@pytest.fixture
def reader(storage: Stack, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have tasks find the place as on a real site, with a user of the warehouse who may make nothing; give his name."""
    (tmp_path / "events").mkdir()
    for event in EVENTS:
        document = event.model_dump(mode="json", exclude={"name"})
        (tmp_path / "events" / f"{event.name}.yaml").write_text(json.dumps(document))
    settings = place.settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    (tmp_path / "settings.yaml").write_text(json.dumps(settings))
    user, password = f"u{secrets.token_hex(4)}", f"Aa1{secrets.token_hex(8)}"
    with place.warehouse.session() as session:
        session.run(f"CREATE USER {user} PASSWORD '{password}'")
        session.commit()
    redshift = json.loads(_redshift_connection(storage.ports, storage.credentials))
    for name, value in {
        "LOG_ROUTER_CONFIG": str(tmp_path),
        "AIRFLOW_VAR_LOG_ROUTER_SETTINGS": "{}",
        "AIRFLOW_CONN_AWS_DEFAULT": _aws_connection(storage.ports),
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": json.dumps(redshift | {"login": user, "password": password}),
    }.items():
        monkeypatch.setenv(name, value)
    return user


PLANS: list[tuple[type[PlanOperator], dict[str, Any], int]] = [
    (PlanHourOperator, {"hour": HOURS[1].start.isoformat()}, 1),
    (PlanHourOperator, {"hour": HOURS[0].start.isoformat(), "mode": "reload"}, 1),
    (PlanHoursOperator, RANGE, 1),
    (PlanHoursOperator, {**RANGE, "events": ["page_viewed"]}, 1),
    (PlanReloadOperator, RANGE, 2),
]


def dry_runs() -> list[Estimate]:
    """Do a dry run by each plan, which ends with it; return what each would do."""
    estimates = []
    for plan, params, _ in PLANS:
        run = Run({**params, "dry_run": True})
        with pytest.raises(DownstreamTasksSkipped):
            plan(task_id="plan", split_task_id="split").work(run.context)
        estimates.append(Estimate.from_dict(run.left[ESTIMATE]))
    return estimates


def test_a_dry_run_changes_nothing(
    storage: Stack, place: Place, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything was loaded, and after: no object, schema, table or row is new, and no right to make any used."""
    for hour in HOURS[:2]:
        place.upload(key("a", hour), order(1) + VIEW)
    before = everything(storage, place)
    assert [one.pending_objects for one in dry_runs()] == [1, 1, 2, 2, 2]
    assert everything(storage, place) == before
    assert "time: not known, as no batch is recorded yet" in capsys.readouterr().out
    place.finish(place.plan("first", FIRST.prefix(place.settings.raw_prefix)))
    with place.warehouse.session() as session:
        for schema in (place.settings.table_schema, place.settings.ledger_schema):
            session.run(f'GRANT USAGE ON SCHEMA "{schema}" TO {reader}')
            session.run(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {reader}')
        session.commit()
    before = everything(storage, place)
    assert len(before) > 0
    assert [one.pending_objects for one in dry_runs()] == [pending for *_, pending in PLANS]
    assert everything(storage, place) == before
    said = capsys.readouterr().out
    assert said.count("a dry run, which changes nothing") == len(PLANS)
    assert said.count("measured by 1 batch") == len(PLANS)
    assert "found: 2 raw objects, 260 B; nothing is missing of 1 of them, 130 B" in said
