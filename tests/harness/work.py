"""The worker's side: one process that does the tasks it is given, with the product's own operators."""

import contextlib
import logging
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from multiprocessing.connection import Connection as Pipe
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import redshift_connector
import smart_open.s3
import structlog
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    DownstreamTasksSkipped,
    TaskDeferred,
)

from local.twin.faults import Faults
from log_router import (
    deliveries,
    isolating,
    keeping,
    operators,
    planning,
    plans,
    receiving,
    sensors,
    settling,
    site,
    splitting,
    triggers,
)
from log_router.core import batches
from log_router.core.catalog import Catalog
from log_router.core.errors import LogRouterError
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.queue import Queue
from log_router.store import Store
from log_router.warehouse import Warehouse
from tests.harness.events import CATALOGS
from tests.harness.queue_seams import QueueRequests
from tests.harness.run import DEFERRED, FAILED, SKIPPED, SUCCESS, WAIT, Task
from tests.harness.seams import Connections, Requests, Seams
from tests.harness.servers import Address, catalog, client, queue_client, session, statements
from tests.harness.story import BULK, STREAM

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

RETRY = "retry"


@dataclass(frozen=True)
class Ended:
    """How a try ended, what it left for the tasks after it, and how many seams it passed."""

    state: str
    pushed: dict[str, Any]
    failure: str
    seams: int


# What tasks import when they first need it is here before the workers are forked.
PRELOADED = (deliveries, isolating, planning, settling, splitting, triggers, smart_open.s3)
# Those of the product that read the clock between a run's first task and its last.
CLOCKED: tuple[Any, ...] = (keeping, plans, receiving)


class Site(site.Site):
    """The site of the seed in hand: no files, no Airflow connections; S3 and Redshift through the seams."""

    task: Task
    s3: "S3Client"
    sqs: "SQSClient"
    connections: Any  # as far as the product goes, the driver's

    @cached_property
    def settings(self) -> Settings:
        """The settings of the batch, else of the seed."""
        return self._frozen or Settings.model_validate(self.task.place.settings)

    @cached_property
    def catalog(self) -> Catalog:
        """The events that are configured at this moment."""
        return catalog(self.task.place.catalog)

    @cached_property
    def statements(self) -> Statements:
        """The statements of include/sql."""
        return statements()

    @cached_property
    def store(self) -> Store:
        """S3, with parts smaller than a site may ask for."""
        return Store(self.s3, self.settings.model_copy(update={"part_bytes": self.task.place.part_bytes}))

    @cached_property
    def queue(self) -> Queue:
        """The seed's queue."""
        return Queue(self.sqs, str(self.settings.queue_url))

    @cached_property
    def warehouse(self) -> Warehouse:
        """The twin."""
        opening = (
            self.statements.render("set_query_group"),
            self.statements.render("set_statement_timeout", milliseconds=30_000),
        )
        return Warehouse(self.connections, opening)


class Clock:
    """What the product's modules know as `datetime`; its `now` is as far off as the task in hand says."""

    def __init__(self, seams: Seams) -> None:
        self._seams = seams
        self._read = 0

    def now(self, zone: tzinfo) -> datetime:
        """Return what the clock says."""
        clock = self._seams.deeds.clock or (0,)
        self._read += 1
        return datetime.now(zone) + timedelta(seconds=clock[self._read % len(clock)])

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


@dataclass(frozen=True)
class Instance:
    """What a task may ask Airflow for."""

    task: Task
    pushed: dict[str, Any] = field(default_factory=dict)

    @property
    def map_index(self) -> int:
        """The number of the instance, -1 where it is not mapped."""
        return self.task.index

    def xcom_push(self, key: str, value: Any) -> None:
        """Leave a value for the tasks that follow."""
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str | list[str], key: str = "return_value") -> Any:
        """Return what a task has left, or a list of what the instances of tasks have."""
        wanted = [task_ids] if isinstance(task_ids, str) else task_ids
        found = [
            value
            for (task_id, _, name), value in sorted(self.task.values.items())
            if task_id in wanted and name == key
        ]
        return found[0] if isinstance(task_ids, str) else found

    def get_task_states(self, *, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        """Return the states of the instances of tasks, by run and name."""
        assert dag_id == "harness"
        assert run_ids == [self.task.run_id]
        of = {name: state for name, state in self.task.states.items() if name.rpartition("_")[0] in task_ids}
        return {self.task.run_id: of | {name: self.task.states.get(name) for name in task_ids}}


def serve(pipe: Pipe, address: Address) -> None:
    """Do tasks until there are no more; a worker that was given up for lost ends with the task it has."""
    lost = False

    def give_up() -> None:
        nonlocal lost
        lost = True
        pipe.send(None)

    _hush()
    random.seed(os.getpid())
    seams = Seams(give_up)
    Site.s3 = client(session(), address.s3)
    plain: Any = Site.s3
    plain.meta.events.register("before-send.s3", Requests(plain._endpoint.http_session.send, seams))
    Site.connections = Connections(lambda: redshift_connector.connect(**address.warehouse), seams)
    Site.sqs = _queue(address, seams)
    for module in CLOCKED:
        module.datetime = Clock(seams)
    # Operators ask for their site by this name: here it is the seed's.
    site.Site = Site  # type: ignore[misc]
    while not lost:
        task: Task = pipe.recv()
        _arm(address, task)
        seams.begin(task.deeds)
        ended = _tried(task, seams)
        seams.end()
        if not lost:
            pipe.send(ended)


def _queue(address: Address, seams: Seams) -> "SQSClient":
    made = queue_client(session(), address.s3)
    plain: Any = made
    requests = QueueRequests(
        send=plain._endpoint.http_session.send,
        seams=seams,
        journal=lambda: Site.task.place.journal,
        run=lambda: f"{Site.task.run_id} {Site.task.name}",
        settled=_settled,
    )
    plain.meta.events.register("before-send.sqs", requests)
    return made


def _settled() -> list[str]:
    """Return the raw objects that are recorded now, and hold nothing that the run in hand knows an event for."""
    types = ", ".join(f"'{event['event_type']}'" for event in CATALOGS[Site.task.place.catalog])
    schema = Site.task.place.settings["ledger_schema"]
    query = (
        f'SELECT o."object_id" FROM "{schema}"."objects" o WHERE NOT EXISTS (SELECT 1 FROM "{schema}"."object_events" '
        f'e WHERE e."object_id" = o."object_id" AND e."unrouted" > 0 AND e."event_type" IN ({types}))'
    )
    with Site.connections.unseamed() as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


def _hush() -> None:
    """Have nothing logged, and let operators run without Airflow's task runner."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    ExecutorSafeguard.test_mode = True


def _arm(address: Address, task: Task) -> None:
    Site.task = task
    # The least that a site may set is a megabyte; here an object or two fill a chunk.
    batches._OPENING_BYTES = task.place.opening_bytes
    if task.deeds.warehouse:
        Faults(address.faults).arm(**task.deeds.warehouse)


def _tried(task: Task, seams: Seams) -> Ended:
    instance = Instance(task)
    try:
        value = _done(task, _context(task, instance))
    except TaskDeferred:
        return Ended(DEFERRED, {}, "", seams.passed)
    except AirflowSkipException as skipped:
        return Ended(SKIPPED, {}, str(skipped), seams.passed)
    except AirflowFailException as failed:
        return Ended(FAILED, {}, str(failed), seams.passed)
    except LogRouterError as passing:
        return Ended(RETRY, {}, str(passing), seams.passed)
    except Exception as error:
        logging.getLogger(__name__).exception("%s", task.name)
        return Ended(RETRY, {}, f"UNEXPECTED {error!r}", seams.passed)
    return Ended(SUCCESS, {**instance.pushed, "return_value": value}, "", seams.passed)


def _context(task: Task, instance: Instance) -> Any:
    return {
        "ti": instance,
        "params": task.params,
        "run_id": task.run_id,
        "dag": SimpleNamespace(dag_id="harness"),
        "dag_run": SimpleNamespace(run_type="manual"),
        "logical_date": datetime.fromisoformat(task.hour).astimezone(UTC),
    }


def _done(task: Task, context: Any) -> Any:
    """Do a task, or what comes after it was deferred; return what it returns, nothing where it skips what follows."""
    if task.task_id != WAIT:
        with contextlib.suppress(DownstreamTasksSkipped):
            return _operator(task).execute(context)
        return None
    sensor = sensors.NoticesSensor(task_id=WAIT)
    return sensor.execute(context) if task.given is None else sensor.resume(context, task.given)


def _operator(task: Task) -> operators.LogRouterOperator:
    plan, split, load = "plan", "split", "load.copy"
    collected = {"plan_task_id": plan, "split_task_id": split, "load_task_id": load}
    planned = {"task_id": plan, "split_task_id": split}
    planners: dict[str, Callable[[], plans.PlanOperator]] = {
        STREAM: lambda: plans.PlanNoticesOperator(wait_task_id=WAIT, **planned),
        "reload_range": lambda: plans.PlanReloadOperator(**planned),
        BULK: lambda: plans.PlanHoursOperator(**planned),
    }
    make: dict[str, Callable[[], operators.LogRouterOperator]] = {
        plan: planners.get(task.kind, lambda: plans.PlanHourOperator(**planned)),
        split: lambda: operators.SplitOperator(task_id=split, plan_task_id=plan, chunk=task.given),
        "collect": lambda: operators.CollectOperator(task_id="collect", **collected),
        load: lambda: operators.LoadOperator(task_id="copy", plan_task_id=plan, target=task.given),
        "settle": lambda: operators.SettleOperator(task_id="settle", **collected),
    }
    return make[task.task_id]()
