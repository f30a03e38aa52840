"""The command line itself, on a machine with an Airflow of its own: its database, Connections and Variables."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.hours import FIRST, by_hand, key, run
from tests.adapters.place import VIEW, Place, order
from tests.dags.shell import COMMANDS, ROOT, Command, call

HOURS = ("--from", "2026-01-31T13:00:00Z", "--to", "2026-01-31T15:00:00Z")
DAGS = ("log_router_hourly", "log_router_bulk", "log_router_reload")
# Nothing listens there.
NO_S3 = "aws://key:secret@/?region_name=us-east-1&endpoint_url=http%3A%2F%2F127.0.0.1%3A1"


@pytest.fixture(scope="module")
def from_shell(home: Path, surroundings: dict[str, str]) -> Command:
    """Give the command as a shell starts it."""

    def typed(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return call(home, str(ROOT / "bin" / "log-router"), *arguments, **{**surroundings, **environment})

    return typed


@pytest.fixture(scope="module")
def log_router(home: Path, surroundings: dict[str, str]) -> Iterator[Command]:
    """Give the same command, each time in a fork of one interpreter."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("forked.py")],
        env={**surroundings, "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL"},
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        asked, answers = server.stdin, server.stdout

        def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
            asked.write(json.dumps([arguments, {**surroundings, **environment}]) + "\n")
            asked.flush()
            return subprocess.CompletedProcess(arguments, *json.loads(answers.readline()))

        yield call
        asked.close()


def test_an_audit_from_a_shell(from_shell: Command, log_router: Command, place: Place) -> None:
    """A screen, its exit status and a document; the remedy it names is a command that can be typed."""
    done = from_shell("audit", *HOURS)
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


def test_the_other_commands(from_shell: Command, log_router: Command, place: Place) -> None:
    """Each prints what it did; nothing is changed without --yes."""
    ((object_id,),) = place.rows("SELECT _lr_object FROM order_placed")
    traced = from_shell("trace", "order_placed", str(object_id), "1")
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


def test_a_plan_is_read_and_applied(
    from_shell: Command, log_router: Command, place: Place, surroundings: dict[str, str], tmp_path: Path
) -> None:
    """A diff with the DDL and what to load anew, the same from a saved catalog; applied, nothing is left."""
    place.upload(key("a"), order(1) + VIEW + b"bad\n")
    run(place, "before the plan")
    file = Path(surroundings["LOG_ROUTER_CONFIG"]) / "events" / "page_viewed.yaml"
    before, saved = file.read_text(), str(tmp_path / "saved.json")
    document = json.loads(before)
    document["columns"] = [{"name": "url", "type": "varchar(99)"}, {"name": "referrer", "type": "varchar(9)"}]
    assert log_router("plan", "--save-catalog", saved).returncode == 0
    try:
        file.write_text(json.dumps(document))
        plan = from_shell("plan", "--event", "page_viewed")
        assert (plan.returncode, plan.stderr) == (0, "")
        for line in (
            "page_viewed -> page_viewed\n",
            "  ~ url varchar(64) -> varchar(99)\n",
            "  + referrer varchar(9)\n",
            'ADD COLUMN "referrer" VARCHAR(9) ENCODE ZSTD;\n',
            "load 1 raw object in 1 hour anew, ",
            "      log-router reload --from 2026-01-31T13:00:00Z --to 2026-01-31T14:00:00Z --event page_viewed\n",
        ):
            assert line in plan.stdout
        assert log_router("plan", "--event", "page_viewed", "--catalog", saved).stdout == plan.stdout
        assert log_router("apply", "--dry-run", "--event", "page_viewed").stdout == plan.stdout
        applied = log_router("apply", "--yes", "--event", "page_viewed")
        assert (applied.returncode, applied.stdout) == (0, "Applied to 1 event: page_viewed.\n")
        assert (
            json.loads(log_router("plan", "--event", "page_viewed", "--json").stdout)["events"][0]["changes"]
            == []
        )
        document["columns"][0]["type"] = "bigint"
        file.write_text(json.dumps(document))
        refused = log_router("apply", "--yes")
        assert (refused.returncode, refused.stderr) == (1, "")
        assert "  ! url varchar(99) -> bigint: Redshift changes no type" in refused.stdout
        assert refused.stdout.endswith("Nothing is applied.\n")
    finally:
        file.write_text(before)


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
        (("reload", "--object", "0" * 32, "--dry-run"), {}, "neither recorded nor loaded nor in the bucket"),
        (("redrive", "--yes"), {}, "queue_url: there is none"),
        (("plan", "--catalog", "/nowhere"), {}, "/nowhere: No such file"),
        (("plan", "--catalog", "/dev/null"), {}, "is no catalog that this version saved"),
        (("apply", "--yes", "--event", "page_view"), {}, "did you mean `page_viewed`?"),
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


def test_a_database_that_can_not_be_reached_is_said_as_well(from_shell: Command) -> None:
    """Exit status 2, the reason on stderr, and nothing else."""
    done = from_shell("audit", *HOURS, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:////nowhere/airflow.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "metadata database can't be" in done.stderr
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
    pools = shlex.join(("pools", "import", str(ROOT / "include" / "pools.json")))
    dags = {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    prepared = call(home, sys.executable, "-c", COMMANDS, pools, "dags reserialize", **dags)
    assert prepared.returncode == 0, prepared.stderr
    done = log_router("doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    checks = json.loads(done.stdout)["checks"]
    problems = {check["subject"]: check["remedy"] for check in checks if check["state"] == "problem"}
    assert problems == {
        f"Airflow's {kind}": f"`airflow {kind}`" for kind in ("scheduler", "dag-processor", "triggerer")
    }
    warnings = {check["subject"]: check["remedy"] for check in checks if check["state"] == "warning"}
    dags = {f"DAG {name}": f"`airflow dags unpause {name}`" for name in DAGS}
    assert {subject: warnings.get(subject) for subject in dags} == dags
