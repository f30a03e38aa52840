"""The worker's side: one process that does the tasks it is given, with the product's own operators."""

import logging
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import redshift_connector
import smart_open.s3
import structlog
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from botocore.config import Config

from local.twin.faults import Faults
from log_router import isolating, operators, planning, settling, site, splitting
from log_router.auditing import Auditor
from log_router.core import batches
from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.errors import LogRouterError
from log_router.core.events import Event
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.core.windows import Hour
from log_router.store import Store
from log_router.warehouse import Warehouse
from tests.harness.events import CATALOGS, EVENT_KEY
from tests.harness.run import FAILED, SKIPPED, SUCCESS, Place, Task
from tests.harness.seams import Connections, Requests, Seams

if TYPE_CHECKING:
    from airflow.sdk import Context
    from mypy_boto3_s3 import S3Client

SQL = Path(__file__).resolve().parents[2] / "include" / "sql"
RETRY = "retry"


@dataclass(frozen=True)
class Address:
    """Where the servers are."""

    s3: str
    warehouse: dict[str, Any]
    faults: int


@dataclass(frozen=True)
class Ended:
    """How a try ended, what it left for the tasks after it, and how many seams it passed."""

    state: str
    pushed: dict[str, Any]
    failure: str
    seams: int


# What tasks import when they first need it is here before the workers are forked.
PRELOADED = (isolating, planning, settling, splitting, smart_open.s3)


@cache
def statements() -> Statements:
    """Return the product's statements."""
    return Statements(SQL)


def compile_statements() -> None:
    """Have all statements compiled, so that workers needn't."""
    environment = statements()._environment
    for name in environment.list_templates(extensions=["sql"]):
        environment.get_template(name)


@cache
def catalog(number: int) -> Catalog:
    """Return what a site knows: at first, or later."""
    events = tuple(Event.model_validate(event) for event in CATALOGS[number])
    return Catalog(event_key=EVENT_KEY, events=events)


@cache
def session() -> boto3.session.Session:
    """Return AWS's client library with its model of S3 in memory, so that workers needn't read it."""
    made = boto3.session.Session("test", "test", region_name="us-east-1")
    client(made, "http://127.0.0.1:1")
    return made


def client(of: boto3.session.Session, endpoint: str) -> "S3Client":
    """Return a client that tries once: retries are what is looked at."""
    once = Config(s3={"addressing_style": "path"}, proxies={}, retries={"max_attempts": 0})
    return of.client("s3", endpoint_url=endpoint, config=once)


class Site(site.Site):
    """The site of the seed in hand: no files, no Airflow connections; S3 and Redshift through the seams."""

    task: Task
    s3: "S3Client"
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
    def warehouse(self) -> Warehouse:
        """The twin."""
        opening = (
            self.statements.render("set_query_group"),
            self.statements.render("set_statement_timeout", milliseconds=30_000),
        )
        return Warehouse(self.connections, opening)


class PlanNamedOperator(operators.PlanOperator):
    """Plans raw objects that notices have named, whether they are still there or not."""

    def work(self, context: "Context") -> list[dict[str, Any]]:
        """Plan them in the order in which they were named."""
        here, planner = self.planner()
        batch = planner.plan(
            operators.run_of(context), "notices", [RawObject(*name) for name in Site.task.given]
        )
        return self.chunks_of(context, here, planner, batch, {"again": "", "anew": ""})


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


def audited(address: Address, place: Place, hours: Iterable[str]) -> list[tuple[str, str]]:
    """Return what the product's own audit finds: the raw object, and what it says of it."""
    settings = Settings.model_validate(place.settings)
    store = Store(client(session(), address.s3), settings)
    warehouse = Warehouse(lambda: redshift_connector.connect(**address.warehouse), ())
    auditor = Auditor(store, warehouse, statements(), settings, catalog(place.catalog))
    found = auditor.audit([Hour(datetime.fromisoformat(hour)) for hour in hours], datetime.now(UTC)).findings
    return [(finding.object_id, str(finding)) for finding in found]


def _tried(task: Task, seams: Seams) -> Ended:
    instance = Instance(task)
    try:
        value = _operator(task).execute(_context(task, instance))
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
        "logical_date": datetime.fromisoformat(task.hour).astimezone(UTC),
    }


def _operator(task: Task) -> operators.LogRouterOperator:
    plan, split, load = "plan", "split", "load.copy"
    collected = {"plan_task_id": plan, "split_task_id": split, "load_task_id": load}
    planners: dict[str, type[operators.PlanOperator]] = {
        "notices": PlanNamedOperator,
        "reload_range": operators.PlanReloadOperator,
    }
    make: dict[str, Callable[[], operators.LogRouterOperator]] = {
        plan: lambda: planners.get(task.kind, operators.PlanHourOperator)(task_id=plan, split_task_id=split),
        split: lambda: operators.SplitOperator(task_id=split, plan_task_id=plan, chunk=task.given),
        "collect": lambda: operators.CollectOperator(task_id="collect", **collected),
        load: lambda: operators.LoadOperator(task_id="copy", plan_task_id=plan, target=task.given),
        "settle": lambda: operators.SettleOperator(task_id="settle", **collected),
    }
    return make[task.task_id]()
