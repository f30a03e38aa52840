"""Airflow's own part of the embedded stack: its environment, database and five processes."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local import postgres
from local.airflow_api import AirflowApi
from local.credentials import Credentials, write_private
from local.environment import LOOPBACK, REGION, ROOT, StackError
from local.ports import Ports
from local.processes import Processes, Service

ADMIN = "admin"
_AIRFLOW = (sys.executable, "-m", "airflow")
# `airflow scheduler` and `airflow triggerer` would serve their logs on all interfaces; one server on
# loopback does it for both
_LOG_SERVER = (sys.executable, "-m", "uvicorn", "--factory", "airflow.utils.serve_logs.log_server:get_app")
_COMMANDS = {
    "api-server": (*_AIRFLOW, "api-server"),
    "scheduler": (*_AIRFLOW, "scheduler", "--skip-serve-logs"),
    "dag-processor": (*_AIRFLOW, "dag-processor"),
    "triggerer": (*_AIRFLOW, "triggerer", "--skip-serve-logs"),
}
LOG_SERVER = "log-server"
NAMES = (*_COMMANDS, LOG_SERVER)


def settings(
    state_dir: Path, ports: Ports, credentials: Credentials, *, dags_folder: Path = ROOT / "dags"
) -> dict[str, str]:
    """Return the environment variables that make Airflow this stack's: no airflow.cfg is read or needed."""
    home = state_dir / "airflow"
    return {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        **_sections(
            core={
                "dags_folder": dags_folder,
                "plugins_folder": ROOT / "plugins",
                "load_examples": False,
                "executor": "LocalExecutor",
                "parallelism": 16,
                "fernet_key": credentials.fernet_key,
                # an event's new file is on the forms as soon as the DAG is read again
                "min_serialized_dag_update_interval": 0,
                "hostname_callable": "local.environment.loopback",
                "execution_api_server_url": f"http://{LOOPBACK}:{ports.airflow}/execution/",
                "simple_auth_manager_users": f"{ADMIN}:admin",
                "simple_auth_manager_passwords_file": home / "passwords.json",
            },
            database={
                "sql_alchemy_conn": f"postgresql+psycopg2://{postgres.AIRFLOW_DATABASE}:"
                f"{credentials.airflow_database}@{LOOPBACK}:{ports.postgres}/{postgres.AIRFLOW_DATABASE}",
            },
            api={
                "host": LOOPBACK,
                "port": ports.airflow,
                "base_url": f"http://{LOOPBACK}:{ports.airflow}",
                "workers": 1,
                "secret_key": credentials.api_secret_key,
            },
            api_auth={"jwt_secret": credentials.jwt_secret},
            logging={
                "base_log_folder": home / "logs",
                "worker_log_server_port": ports.logs,
                "trigger_log_server_port": ports.logs,
            },
            # a killed worker's task is tried again after this long
            scheduler={"task_instance_heartbeat_timeout": 60, "scheduler_idle_sleep_time": 0.5},
            # so long its supervisor may take to see that a task has ended, and keep its place for it
            workers={"min_heartbeat_interval": 1},
            usage_data_collection={"enabled": False},
        ),
        "AIRFLOW_CONN_AWS_DEFAULT": _aws_connection(ports),
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": _redshift_connection(ports, credentials),
    }


def start(
    processes: Processes,
    state_dir: Path,
    ports: Ports,
    credentials: Credentials,
    environment: Mapping[str, str],
) -> None:
    """Bring the metadata up to date and start Airflow's processes; return when all of them report in."""
    home = state_dir / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    write_private(home / "passwords.json", json.dumps({ADMIN: credentials.airflow_admin}) + "\n")
    prepare = (sys.executable, "-m", "local.airflow_metadata", str(ROOT / "include" / "pools.json"))
    processes.run(Service("airflow-metadata", prepare, environment), 300.0)
    began = datetime.now(UTC)
    for name, command in _COMMANDS.items():
        processes.start(Service(name, command, environment))
    serve = (*_LOG_SERVER, "--host", LOOPBACK, "--port", str(ports.logs))
    processes.start(Service(LOG_SERVER, serve, environment))
    api = client(ports, credentials)
    for name in _COMMANDS:
        processes.wait_until(name, lambda: api.is_healthy(began), 180.0)


def run(
    arguments: Sequence[str], state_dir: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `airflow` with these arguments; raise StackError when it fails."""
    done = subprocess.run(
        [*_AIRFLOW, *arguments], env=environment, cwd=state_dir, capture_output=True, text=True, check=False
    )
    if done.returncode:
        text = (done.stderr or done.stdout).strip()
        raise StackError(f"`airflow {' '.join(arguments)}` failed with status {done.returncode}: {text}")
    return done


def client(ports: Ports, credentials: Credentials) -> AirflowApi:
    """Return a client of the REST API."""
    return AirflowApi(f"http://{LOOPBACK}:{ports.airflow}", ADMIN, credentials.airflow_admin)


def _sections(**sections: Mapping[str, object]) -> dict[str, str]:
    return {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, options in sections.items()
        for key, value in options.items()
    }


def _aws_connection(ports: Ports) -> str:
    return json.dumps(
        {
            "conn_type": "aws",
            "login": "test",
            "password": "test",
            "extra": {"endpoint_url": f"http://{LOOPBACK}:{ports.s3_front}", "region_name": REGION},
        }
    )


def _redshift_connection(ports: Ports, credentials: Credentials) -> str:
    return json.dumps(
        {
            "conn_type": "redshift",
            "host": LOOPBACK,
            "port": ports.warehouse,
            "login": postgres.WAREHOUSE_DATABASE,
            "password": credentials.warehouse,
            "schema": postgres.WAREHOUSE_DATABASE,
            "extra": {"ssl": False},
        }
    )
