"""Backfills made from a shell, on a machine with an Airflow that has our DAGs; no scheduler works through them."""

import os
import re
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.hours import HOURS, key
from tests.adapters.place import Place, order
from tests.dags.shell import AIRFLOW, ROOT, Prompt, call

BULK, HOURLY = "log_router_bulk", "log_router_hourly"
CLIPPED = ("backfill", "--from", "2026-01-30T20:00:00Z", "--to", "2026-02-01")
LINE = (
    "airflow backfill create --dag-id log_router_bulk --from-date 2026-01-30T00:00:00Z --to-date 2026-01-31T00:00:00Z "
    """--dag-run-conf '{"from": "2026-01-30T20:00:00Z", "to": "2026-02-01T00:00:00Z", "mode": "missing"}' """
    "--reprocess-behavior completed --max-active-runs 4"
)


@pytest.fixture(scope="module")
def log_router(home: Path, surroundings: dict[str, str], place: Place) -> Iterator[Prompt]:
    """Give our command line, where Airflow knows our DAGs, and an hour waits beside the one that is loaded."""
    folder = {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    assert call(home, *AIRFLOW, "dags", "reserialize", **folder).returncode == 0
    place.upload(key("b", HOURS[1]), order(2))
    prompt = Prompt(home, **surroundings)
    yield prompt
    prompt.close()


@pytest.fixture(autouse=True)
def idle(home: Path) -> Iterator[None]:
    """Leave no backfill and no run behind."""
    yield
    for table in ("backfill_dag_run", "dag_run", "backfill"):
        ask(home, f"DELETE FROM {table}")


def ask(home: Path, query: str) -> list[Any]:
    """Return what Airflow's database answers, and keep what is changed there: what only its scheduler does."""
    with sqlite3.connect(home / "airflow.db", timeout=60) as connection:
        return connection.execute(query).fetchall()


def made(home: Path) -> tuple[int, list[Any]]:
    """Return the last backfill: its number, what it is to do, and the hours of its runs in their order."""
    what = "dag_id, from_date, to_date, dag_run_conf, reprocess_behavior, max_active_runs"
    ((number, *asked),) = ask(home, f"SELECT id, {what} FROM backfill ORDER BY id DESC LIMIT 1")
    runs = f"SELECT logical_date FROM backfill_dag_run WHERE backfill_id = {number} ORDER BY sort_ordinal"
    return number, [*asked, [date[:13] for (date,) in ask(home, runs)]]


def test_airflow_2s_command_makes_the_backfill_that_it_prints(home: Path, log_router: Prompt) -> None:
    """The line it prints can be pasted, and comes to the same."""
    asked = ("-s", "2026-01-31T13:00", "-e", "2026-01-31T14:00", "-c", '{"mode": "reload"}', "-B", HOURLY)
    again = ("--reset-dagruns", "--rerun-failed-tasks", "--max-active-runs", "3")
    refused = call(home, *AIRFLOW, "dags", "backfill", *asked, *again, said="n\n")
    assert (refused.returncode, ask(home, "SELECT id FROM backfill")) == (1, [])
    done = call(home, *AIRFLOW, "dags", "backfill", *asked, *again, "--yes")
    assert done.returncode == 0
    assert "It returns at once" in done.stderr
    first, what = made(home)
    assert what == [
        *(HOURLY, "2026-01-31 13:00:00.000000", "2026-01-31 14:00:00.000000"),
        *('{"mode": "reload"}', "completed", 3, ["2026-01-31 14", "2026-01-31 13"]),
    ]
    (line,) = re.findall(r"^  (airflow .*)$", done.stderr, re.MULTILINE)
    assert "Of its runs, 2 that waited have failed" in log_router("backfill", "--cancel", "--hourly").stdout
    assert call(home, "sh", "-c", line).returncode == 0
    assert made(home) == (first + 1, what)
    assert log_router("backfill", "--cancel", "--hourly").returncode == 0


def test_no_other_command_of_airflows_changes(home: Path) -> None:
    """What `airflow dags` says of itself is what it says without us."""
    ours, theirs = (
        call(home, *AIRFLOW, "dags", "--help", PYTHONPATH=path) for path in (str(ROOT / "plugins"), "")
    )
    assert ours.stdout == theirs.stdout
    assert "backfill " not in ours.stdout


def test_an_airflow_that_has_the_command_keeps_it(home: Path, tmp_path: Path) -> None:
    """Where Airflow does not say that it has removed the command, its arguments stay, and a sentence says so."""
    package = tmp_path / "airflow"
    for folder in (package, package / "cli", package / "cli" / "commands"):
        folder.mkdir()
        (folder / "__init__.py").touch()
    (package / "cli" / "commands" / "legacy_commands.py").write_text(
        'COMMAND_MAP = {"webserver": "api-server"}'
    )
    (package / "__init__.py").write_text("import airflow_local_settings")
    (package / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "plugins")])
    done = call(home, *AIRFLOW, "dags", "backfill", "--local", PYTHONPATH=paths)
    assert "it is left to Airflow" in done.stderr
    assert done.stdout == "['dags', 'backfill', '--local']\n"


def test_a_backfill_is_described_made_followed_and_cancelled(home: Path, log_router: Prompt) -> None:
    """What will be made is said before. Ctrl-C ends the following only; another one is refused until the first ends."""
    ask(home, "DELETE FROM slot_pool WHERE pool = 'log_router_backfill_copy'")
    would = log_router(*CLIPPED, "--dry-run")
    assert would.returncode == 0
    assert "There is no pool log_router_backfill_copy, or it has no slots" in would.stderr
    assert would.stdout.startswith(
        f"2026-01-30T20:00Z to 2026-02-01T00:00Z: 2 runs of {BULK}, the oldest first"
    )
    assert "  found: 2 raw objects" in would.stdout
    assert "nothing is missing of 1 of them" in would.stdout
    assert f"\n  {LINE}\n" in would.stdout
    assert "The DAG is paused, so its runs wait: airflow dags unpause log_router_bulk\n" in would.stderr
    assert ask(home, f"SELECT id FROM backfill WHERE dag_id = '{BULK}'") == []

    left = log_router(*CLIPPED, "--wait", once="The DAG is paused", do=log_router.interrupt)
    number, what = made(home)
    assert left.returncode == 130
    assert left.stdout == f"{would.stdout}Made: backfill {number} of {BULK}, 2 runs.\n"
    assert (
        "The backfill goes on. To follow it: log-router backfill --wait; to end it: log-router" in left.stderr
    )
    assert what == [
        *(BULK, "2026-01-30 00:00:00.000000", "2026-01-31 00:00:00.000000"),
        '{"from": "2026-01-30T20:00:00Z", "to": "2026-02-01T00:00:00Z", "mode": "missing"}',
        *("completed", 4, ["2026-01-30 00", "2026-01-31 00"]),
    ]
    refused = log_router(*CLIPPED)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"backfill {number} of {BULK} has not ended, 0 of 2 runs have" in refused.stderr

    assert log_router("backfill", "--cancel").returncode == 0
    assert log_router("backfill", "--cancel").returncode == 2
    ended = log_router("backfill", "--wait")
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"Backfill {number} of {BULK}: 0 runs succeeded, 2 failed")
    assert "It was cancelled" in ended.stderr
    assert "states-for-dag-run" not in ended.stderr


def test_a_backfill_whose_runs_have_ended_is_waited_for(home: Path, log_router: Prompt) -> None:
    """Until Airflow notes its end: then all its windows are run again, here the newest first, for one event."""
    assert log_router(*CLIPPED).returncode == 0
    ask(home, "UPDATE dag_run SET state = 'success'")
    noted = partial(ask, home, "UPDATE backfill SET completed_at = updated_at")
    more = ("--newest-first", "--at-once", "1", "--event", "order_placed")
    done = log_router(*CLIPPED, *more, once="waiting for Airflow to note it", do=noted)
    assert done.returncode == 0
    _, (_, _, _, conf, _, at_once, runs) = made(home)
    assert '"events": ["order_placed"]' in conf
    assert (at_once, runs) == (1, ["2026-01-31 00", "2026-01-30 00"])


def test_windows_of_runs_at_work_are_left_to_them(home: Path, log_router: Prompt) -> None:
    """It is said which, and a reload is refused; so is a run that would keep another interval."""
    assert log_router(*CLIPPED).returncode == 0
    assert log_router("backfill", "--cancel").returncode == 0
    second = f"dag_id = '{BULK}' AND logical_date LIKE '2026-01-31 00%'"
    ask(home, f"UPDATE dag_run SET state = 'running' WHERE {second}")
    name = "backfill__2026-02-01T00:00:00+00:00"
    assert f"Left out, as runs are at work there: {name}." in log_router(*CLIPPED, "--dry-run").stdout
    assert f"{name}: at work" in log_router(*CLIPPED, "--mode", "reload").stderr
    ask(home, f"UPDATE dag_run SET data_interval_end = data_interval_start WHERE {second}")
    misfit = log_router(*CLIPPED, "--dry-run")
    assert (misfit.returncode, misfit.stdout) == (2, "")
    assert f"{name}: not made for the 24 hours" in misfit.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--from", "2026-01-31T13:00:00Z", "--to", "2026-01-31T14:00:00Z"), 0, "All of it is loaded"),
        (("--from", "2026-01-01", "--to", "2026-01-03"), 2, "there is no raw object in s3://"),
        (
            ("--from", "2026-01-01", "--to", "2026-01-02", "--event", "order_place"),
            2,
            "did you mean `order_placed`?",
        ),
        (("--from", "2026-01-02", "--to", "2026-01-02"), 2, "must come after `from`"),
        (("--from", "2026-01-02"), 2, "give --from and --to"),
        (("--dry-run",), 2, "give --from and --to"),
        (("--from", "2026-01-02", "--to", "2999-01-01"), 2, "has not come yet"),
    ],
)
def test_what_makes_no_sense_makes_nothing(
    home: Path, log_router: Prompt, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """It is said why; a range that is loaded already is no failure."""
    before = ask(home, "SELECT id FROM backfill")
    done = log_router("backfill", "--hourly", *arguments)
    assert done.returncode == status
    assert said in done.stdout + done.stderr
    assert ask(home, "SELECT id FROM backfill") == before
