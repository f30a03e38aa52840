"""The command line itself, on a machine with an Airflow of its own: its database, Connections and Variables."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.airflow_services import _aws_connection, _redshift_connection
from local.stack import Stack
from tests.adapters.hours import FIRST, by_hand, key, run
from tests.adapters.place import EVENTS, VIEW, Place, order, place_at

ROOT = Path(__file__).resolve().parents[2]
HOURS = ("--from", "2026-01-31T13:00:00Z", "--to", "2026-01-31T15:00:00Z")
# Nothing listens there.
NO_S3 = "aws://key:secret@/?region_name=us-east-1&endpoint_url=http%3A%2F%2F127.0.0.1%3A1"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an Airflow home whose metadata database is up to date, on SQLite."""
    folder = tmp_path_factory.mktemp("airflow")
    _call(folder, sys.executable, "-m", "airflow", "db", "migrate")
    return folder


def _environment(home: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "PYTHONPATH": str(ROOT / "plugins"),
    }


def _call(home: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**_environment(home), **environment},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def place(storage: Stack) -> Place:
    """Give a site with an hour that is loaded."""
    made = place_at(storage, EVENTS)
    made.upload(key("a"), order(1) + VIEW + b"bad\n")
    run(made, "first")
    return made


@pytest.fixture(scope="module")
def log_router(home: Path, storage: Stack, place: Place) -> Command:
    """Give the command, on a machine whose Airflow has the site in a Variable and its Connections."""
    config = home / "config"
    (config / "events").mkdir(parents=True)
    for event in EVENTS:
        document = event.model_dump(mode="json", exclude={"name"})
        (config / "events" / f"{event.name}.yaml").write_text(json.dumps(document))
    chosen = {
        name: getattr(place.settings, name) for name in ("raw_bucket", "staging_bucket", "ledger_schema")
    }
    (config / "settings.yaml").write_text(
        json.dumps(
            chosen
            | {
                "raw_bucket": "another",
                "raw_prefix": place.settings.raw_prefix,
                "event_key": "event",
                "schema": place.settings.table_schema,
            }
        )
    )
    airflow = (sys.executable, "-m", "airflow")
    connections = home / "connections.json"
    redshift = json.loads(_redshift_connection(storage.ports, storage.credentials))
    connections.write_text(json.dumps({"redshift_default": redshift}))
    variable = json.dumps({"raw_bucket": place.settings.raw_bucket})
    for command in (
        ("variables", "set", "log_router_settings", variable),
        ("connections", "import", str(connections)),
    ):
        assert _call(home, *airflow, *command).returncode == 0
    surroundings = {
        "LOG_ROUTER_CONFIG": str(config),
        # One Connection from the environment, one from the database.
        "AIRFLOW_CONN_AWS_DEFAULT": _aws_connection(storage.ports),
    }

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return _call(home, str(ROOT / "bin" / "log-router"), *arguments, **{**surroundings, **environment})

    return call


def test_an_audit_from_a_shell(log_router: Command, place: Place) -> None:
    """A screen, its exit status and a document; the remedy it names is a command that can be typed."""
    done = log_router("audit", *HOURS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Complete through 2026-01-31T14:00Z: 2 of 2 hours.\n")
    by_hand(place, "INSERT INTO {events}.order_placed SELECT * FROM {events}.order_placed")
    done = log_router("audit", *HOURS, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert [finding["kind"] for finding in document["findings"]] == ["rows_doubled"]
    assert document["complete_through"] is None
    (remedy,) = document["remedies"]["rows_doubled"]
    refused = log_router(*remedy.split()[1:])
    assert refused.returncode == 2
    assert "Airflow does not know the DAG log_router_reload" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert f"$ {remedy}\n" in log_router("audit", *HOURS).stdout
    run(place, "mended", FIRST, reload=True)


def test_the_other_commands_from_a_shell(log_router: Command, place: Place) -> None:
    """Each prints what it did; nothing is changed without --yes."""
    ((object_id,),) = place.rows("SELECT _lr_object FROM order_placed")
    traced = log_router("trace", "order_placed", str(object_id), "1")
    assert (traced.stdout, traced.returncode) == (order(1).decode().rstrip("\n"), 0)
    assert traced.stderr == f"s3://{place.settings.raw_bucket}/{key('a')} line 1\n"
    assert log_router("rollback", "--object", str(object_id)).returncode == 2
    place.producer.delete_object(Bucket=place.settings.raw_bucket, Key=key("a"))
    would = log_router("rollback", "--object", str(object_id), "--dry-run")
    assert "Would be taken back, of 1 raw object:\n  order_placed: 1 row of 1 raw object\n" in would.stdout
    lost = f"deleted or overwritten, of 1 raw object:\n  s3://{place.settings.raw_bucket}/{key('a')}\n"
    assert lost in would.stdout
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[1]]
    place.upload(key("a"), order(1) + VIEW + b"bad\n")
    taken = log_router("rollback", "--object", f"s3://{place.settings.raw_bucket}/{key('a')}", "--yes")
    assert taken.returncode == 0
    assert "deleted or overwritten" not in taken.stdout
    assert """--conf '{"hour": "2026-01-31T13:00:00Z"}'""" in taken.stdout
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[0]]
    assert log_router("rollback", "--object", str(object_id), "--yes").returncode == 1
    assert "Deleted: 0 files" in log_router("clean", "--yes").stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("audit", "--from", HOURS[3], "--to", HOURS[1]), {}, "must come after `from`"),
        (("audit", *HOURS), {"AIRFLOW_VAR_LOG_ROUTER_SETTINGS": "{"}, "log_router_settings: it is not JSON"),
        (("audit", *HOURS), {"AIRFLOW_CONN_AWS_DEFAULT": NO_S3}, "S3 can't be reached"),
        (
            ("audit", *HOURS),
            {"LOG_ROUTER_REDSHIFT_CONN_ID": "none"},
            "Airflow Connection none: there is none",
        ),
        (
            ("audit", *HOURS),
            {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/airflow.db"},
            "metadata database can't be",
        ),
        (("reload", "--object", "0" * 32, "--dry-run"), {}, "neither recorded nor loaded nor in the bucket"),
        (("redrive", "--yes"), {}, "queue_url: there is none"),
        (("trace", "order_placed", "0" * 32, "1"), {}, "neither recorded nor in a ledger"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_message(
    log_router: Command, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    """Exit status 2, the reason on stderr, nothing on stdout and never a traceback."""
    done = log_router(*arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def _lines(done: subprocess.CompletedProcess[str], state: str) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith(state)]


def test_a_doctor_is_not_kept_from_the_rest_by_what_is_broken(log_router: Command) -> None:
    """S3 can't be reached, a Connection lacks, Airflow knows neither pools nor DAGs: each has a line and a remedy."""
    done = log_router(
        "doctor",
        AIRFLOW_CONN_AWS_DEFAULT=NO_S3,
        LOG_ROUTER_REDSHIFT_CONN_ID="none",
        LOG_ROUTER_QUEUE_URL="http://127.0.0.1:1/000000000000/notices",
        AWS_MAX_ATTEMPTS="1",
    )
    assert (done.returncode, done.stderr) == (1, "")
    problems = _lines(done, "problem")
    for subject, said in (
        ("Connection none", "there is none; `airflow connections add`"),
        ("raw bucket", "S3 can't be reached"),
        ("staging bucket", "S3 can't be reached"),
        ("Redshift", "Airflow Connection none: there is none"),
        ("pool log_router_copy", "`airflow pools import include/pools.json`"),
        ("DAG log_router_hourly", "Airflow does not have it"),
        ("DAG log_router_stream", "Airflow does not have it"),
        ("queue", "SQS can't be reached"),
        ("dead-letter queue", "SQS can't be reached"),
    ):
        assert len([line for line in problems if f"  {subject}: " in line and said in line]) == 1, subject
    assert "ok       events: 2 files" in done.stdout
    assert done.stdout.splitlines()[-1] == f"{len(problems)} problems, 0 warnings."
    wrong = log_router("doctor", AIRFLOW_VAR_LOG_ROUTER_SETTINGS='{"grace_seconds": -1, "raw_bucket": "X"}')
    assert wrong.returncode == 1
    assert len(_lines(wrong, "problem")) == 2
    assert _lines(wrong, "warning") == ["warning  all else: not looked at: the settings say where it is"]


def test_a_doctor_of_a_site_that_stands_still(home: Path, log_router: Command) -> None:
    """All is there, but Airflow does not run, which is a problem, and no DAG is switched on, which is a warning."""
    airflow, own = (sys.executable, "-m", "airflow"), {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    assert _call(home, *airflow, "pools", "import", str(ROOT / "include" / "pools.json")).returncode == 0
    assert _call(home, *airflow, "dags", "reserialize", **own).returncode == 0
    done = log_router("doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    checks = json.loads(done.stdout)["checks"]
    problems = {check["subject"]: check["remedy"] for check in checks if check["state"] == "problem"}
    assert problems == {
        f"Airflow's {kind}": f"`airflow {kind}`" for kind in ("scheduler", "dag-processor", "triggerer")
    }
    warnings = {check["subject"]: check["remedy"] for check in checks if check["state"] == "warning"}
    assert warnings["DAG log_router_hourly"] == "`airflow dags unpause log_router_hourly`"
