"""The embedded stack: PostgreSQL, S3 and SQS behind a front, the Redshift twin, and Airflow, all on loopback.

Everything it makes lies in its state folder, so any number of stacks can run side by side. Objects,
warehouse and Airflow's metadata all outlive `down`, so that they always agree with each other.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import psycopg

from local import airflow_services, notices, postgres, s3
from local.airflow_api import AirflowApi
from local.credentials import Credentials, write_private
from local.environment import (
    CONFIG_VARIABLE,
    LOOPBACK,
    REGION,
    ROOT,
    StackError,
    aws_environment,
    base_environment,
    make_own_folder,
)
from local.ports import Ports
from local.processes import Processes, Service
from local.s3_front.faults import S3Faults
from local.twin.faults import Faults

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

RAW_BUCKET = "marketplace-events"
RAW_FOLDER = "raw/"
STAGING_BUCKET = "log-router-staging"
TWIN = "twin"
_STORAGE = (postgres.NAME, s3.NAME, s3.FRONT, TWIN)
_STORAGE_PORTS = ("postgres", "s3", "s3_front", "warehouse")
_CONTROL_PORTS = ("faults", "s3_faults")
_AIRFLOW_PORTS = ("airflow", "logs")
_SETTINGS = "settings.json"


class Stack:
    """One embedded stack; as a context manager it is up inside the block and down after it."""

    def __init__(
        self,
        state_dir: Path,
        ports: Ports,
        *,
        airflow: bool = True,
        config_dir: Path | None = None,
        dags_folder: Path = ROOT / "dags",
        environment: Mapping[str, str] | None = None,
        faults: bool = False,
        isolation: str = "snapshot",
        read_only: Sequence[str] = (RAW_BUCKET,),
    ) -> None:
        """Describe a stack and start nothing.

        Args:
            state_dir: where its data, logs and pid files live; made when missing.
            ports: where its servers listen, unless the stack is already up on others.
            airflow: whether Airflow belongs to it, or only PostgreSQL, S3 and the twin.
            config_dir: the folder with settings.yaml and events/ that replaces include/.
            dags_folder: where Airflow finds its DAGs.
            environment: more variables for all processes, such as LOG_ROUTER_RAW_BUCKET.
            faults: whether the twin and S3 can be made to fail, for tests of what happens then.
            isolation: the isolation level of the twin's database, snapshot or serializable.
            read_only: the buckets, or patterns of their names, that Airflow may only list and read.
        """
        self.state_dir = state_dir.resolve()
        self.with_airflow = airflow
        self._config_dir = config_dir
        self._dags_folder = dags_folder
        self._more = dict(environment or {})
        self._can_fail = faults
        self._isolation = isolation
        self._read_only = tuple(read_only)
        make_own_folder(self.state_dir)
        self.processes = Processes(self.state_dir)
        self.credentials = Credentials.kept_in(self.state_dir)
        self.ports = self._ports_in_use() or ports

    def __enter__(self) -> Self:
        """Start the stack."""
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the stack."""
        self.down()

    def up(self) -> None:
        """Start whatever does not run; return when every service answers, stop all again if one can't."""
        self.start_storage()
        if self.with_airflow:
            self.start_airflow()

    def start_storage(self) -> None:
        """Start PostgreSQL, S3 and the twin, with both buckets and the queue of the raw one's notices."""
        if self._all_run(_STORAGE):
            self._refuse_other_settings()
            return
        self.down()
        more = (*(_AIRFLOW_PORTS if self.with_airflow else ()), *(_CONTROL_PORTS if self._can_fail else ()))
        self.ports.refuse_taken(*_STORAGE_PORTS, *more)
        write_private(self.state_dir / "ports.json", json.dumps(vars(self.ports)) + "\n")
        write_private(self.state_dir / _SETTINGS, json.dumps(self._own()) + "\n")
        with self._undone_on_error():
            server = self._postgres()
            server.start(self.processes)
            s3.start(self.processes, self.state_dir, self.ports.s3, self._base())
            self._start_front()
            self._start_twin(server)
            for bucket in (RAW_BUCKET, STAGING_BUCKET):
                s3.make_bucket(self.s3(), bucket)
            notices.connect(self.s3(), self.sqs(), RAW_BUCKET, RAW_FOLDER)

    def start_airflow(self) -> None:
        """Start Airflow on running storage; return when its four parts report in."""
        if self._all_run(airflow_services.NAMES):
            return
        self.processes.stop(airflow_services.NAMES)
        self.ports.refuse_taken(*_AIRFLOW_PORTS)
        with self._undone_on_error():
            airflow_services.start(self.processes, self.state_dir, self.ports, self.credentials, self.env())

    def down(self) -> list[str]:
        """Stop what this state folder's stack started, Airflow first; return the names of what ran."""
        names = self.processes.names()
        # each before what it needs: nothing loses its database while it still writes
        first = [name for name in names if name not in _STORAGE]
        return [*self.processes.stop(first), *self.processes.stop(reversed(_STORAGE))]

    def env(self) -> dict[str, str]:
        """Return the environment of Airflow's processes and of any command against this stack."""
        found = self._base() | airflow_services.settings(
            self.state_dir, self.ports, self.credentials, dags_folder=self._dags_folder
        )
        return {**found, "LOG_ROUTER_QUEUE_URL": self.queue_url, **self._own()}

    @classmethod
    def running_in(cls, state_dir: Path) -> "Stack | None":
        """Return the stack that is up in a state folder, Airflow and all, with the settings it was started with."""
        path = state_dir / _SETTINGS
        if not path.exists():
            return None
        stack = cls(state_dir, Ports(), environment=json.loads(path.read_text()))
        return stack if stack._all_run((*_STORAGE, *airflow_services.NAMES)) else None

    def airflow(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `airflow` with these arguments against this stack; raise StackError when it fails."""
        return airflow_services.run(arguments, self.state_dir, self.env())

    @property
    def api(self) -> AirflowApi:
        """A client of Airflow's REST API, signed in as admin; `api.url` is also the UI's address."""
        return airflow_services.client(self.ports, self.credentials)

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 300.0) -> str:
        """Return the state in which a DAG run ends."""
        return self.api.wait_for_run(dag_id, run_id, seconds)

    @property
    def s3_endpoint(self) -> str:
        """The address of the S3 and SQS server."""
        return f"http://{LOOPBACK}:{self.ports.s3}"

    def s3(self) -> "S3Client":
        """Return a client of the stack's S3 that may do everything, as producers do."""
        return s3.s3_client(self.ports.s3)

    def s3_as_product(self) -> "S3Client":
        """Return a client such as Airflow's: what may only be read it can't write."""
        return s3.s3_client(self.ports.s3_front)

    def sqs(self) -> "SQSClient":
        """Return a client of the stack's SQS."""
        return s3.sqs_client(self.ports.s3)

    @property
    def queue_url(self) -> str:
        """The queue of the raw bucket's notices."""
        return notices.url_of(self.ports.s3)

    @property
    def warehouse(self) -> dict[str, Any]:
        """What `redshift_connector.connect(**...)` needs to reach the twin."""
        return {
            "host": LOOPBACK,
            "port": self.ports.warehouse,
            "database": postgres.WAREHOUSE_DATABASE,
            "user": postgres.WAREHOUSE_DATABASE,
            "password": self.credentials.warehouse,
            "ssl": False,
            # Where there is none, the driver looks through all modules for its caller's: a tenth of a second of CPU.
            "application_name": "log-router",
        }

    @property
    def warehouse_dsn(self) -> str:
        """The twin's libpq connection string, for psycopg."""
        return psycopg.conninfo.make_conninfo(
            host=LOOPBACK,
            port=self.ports.warehouse,
            dbname=postgres.WAREHOUSE_DATABASE,
            user=postgres.WAREHOUSE_DATABASE,
            password=self.credentials.warehouse,
            sslmode="disable",
        )

    @property
    def faults(self) -> Faults:
        """What makes the twin fail on demand, if this stack was made with `faults`."""
        return Faults(self.ports.faults)

    @property
    def s3_faults(self) -> S3Faults:
        """What makes S3 fail for Airflow and tells what it asked, if this stack was made with `faults`."""
        return S3Faults(self.ports.s3_faults)

    @property
    def postgres_binaries(self) -> Path:
        """The folder of PostgreSQL's own programs, `psql` among them."""
        return self._postgres().binaries

    @property
    def postgres_dsn(self) -> str:
        """The connection string of the PostgreSQL behind the twin, past all the twin's checks."""
        return self._postgres().dsn

    def generator_environment(self) -> dict[str, str]:
        """Return the environment in which the events' generator writes to this stack's S3."""
        return {**self._base(), **aws_environment(self.s3_endpoint), "PYTHONPATH": str(ROOT)}

    def _base(self) -> dict[str, str]:
        return base_environment(self.state_dir)

    def _postgres(self) -> postgres.Postgres:
        return postgres.Postgres(self.state_dir, self.ports.postgres, self.credentials, self._base())

    def _start_front(self) -> None:
        faults = (f"--control-port={self.ports.s3_faults}",) if self._can_fail else ()
        options = (*faults, "--read-only", *self._read_only)
        s3.start_front(self.processes, self.ports, options, {**self._base(), "PYTHONPATH": str(ROOT)})

    def _start_twin(self, server: postgres.Postgres) -> None:
        command = (sys.executable, "-m", "local.twin", "--port", str(self.ports.warehouse))
        # the command line is everybody's to read: libpq takes the password from the environment
        behind = ("--pg", server.address, "--s3-endpoint", self.s3_endpoint, "--region", REGION)
        client = ("--user", postgres.WAREHOUSE_DATABASE, "--isolation", self._isolation)
        faults = ("--control-port", str(self.ports.faults)) if self._can_fail else ()
        environment = {
            **self._base(),
            **aws_environment(self.s3_endpoint),
            "PYTHONPATH": str(ROOT),
            "PGPASSWORD": self.credentials.postgres,
            "TWIN_PASSWORD": self.credentials.warehouse,
        }
        self.processes.start(Service(TWIN, (*command, *behind, *client, *faults), environment))
        self.processes.wait_until(TWIN, lambda: postgres.accepts(self.warehouse_dsn), 60.0)

    def _all_run(self, names: tuple[str, ...]) -> bool:
        return all(self.processes.is_running(name) for name in names)

    def _own(self) -> dict[str, str]:
        """Return the variables that make this stack's Log Router another one than a stack's of other settings."""
        config = {} if self._config_dir is None else {CONFIG_VARIABLE: str(self._config_dir.resolve())}
        return config | self._more

    def _refuse_other_settings(self) -> None:
        path = self.state_dir / _SETTINGS
        if not path.exists() or json.loads(path.read_text()) != self._own():
            raise StackError("the stack is up with another catalog: run `make down` first")

    def _ports_in_use(self) -> Ports | None:
        path = self.state_dir / "ports.json"
        if not path.exists() or not any(map(self.processes.is_running, self.processes.names())):
            return None
        return Ports(**json.loads(path.read_text()))

    @contextlib.contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.down()
            raise
