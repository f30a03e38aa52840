"""`airflow dags backfill` as Airflow 2 took it: prints the `airflow backfill create` line it stands for, and runs it.

Airflow 3 has removed the command. It imports airflow_local_settings before it reads its arguments, so these are put in
the place of Airflow 2's; nothing of Airflow is changed.
"""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from log_router.cli import arguments, following, screen
from log_router.lanes import BULK_DAG, HOURLY_DAG

# Airflow's console script; and of `python -m airflow`, while Python still looks for the module.
_PROGRAMS = ("airflow", "-m")
_OLD, _NEW = "dags backfill", "backfill create"
_LEVEL = "AIRFLOW__LOGGING__LOGGING_LEVEL"
_WHOLE = "runs are made whole; for some tasks of runs that are there: `airflow tasks clear --task-regex`"
_ONE = "name one DAG, and type it again for the next"
# Flags of Airflow 2.10 (airflow/cli/cli_config.py) that Airflow 3's backfills have nothing like, and what to do.
_REFUSED = {
    ("-t", "--task-regex"): _WHOLE,
    ("-i", "--ignore-dependencies"): _WHOLE,
    (
        "-I",
        "--ignore-first-depends-on-past",
    ): "if the first run waits for the one before, mark that as succeeded",
    ("-m", "--mark-success"): "mark the runs in the UI",
    ("-l", "--local"): "leave it out: the scheduler's executor runs the tasks",
    ("-x", "--donot-pickle"): "leave it out: DAGs are not pickled any more",
    ("-S", "--subdir"): "leave it out: the DAG is found by its name, in Airflow's bundles",
    ("--pool",): "set `pool` in the DAG; for backfills only, by a task_instance_mutation_hook",
    ("--delay-on-limit",): "leave it out: a run begins as soon as another ends; see --max-active-runs",
    ("--continue-on-failures",): "leave it out: a run that fails never holds up the others",
    ("--disable-retry",): "set `retries` in the DAG",
    ("--treat-dag-as-regex",): _ONE,
    ("--treat-dag-id-as-regex",): _ONE,
}


def serve() -> None:
    """Put what `dags backfill` stands for into this process's arguments, that Airflow is about to read.

    Leaves them alone where another program than `airflow` imports Airflow, and, with a word on stderr, where this
    Airflow does not say itself that `backfill create` is what replaces the command.
    """
    if Path(sys.argv[0]).name not in _PROGRAMS:
        return
    if not _is_removed():
        screen.note(
            f"log-router: this Airflow does not say that `{_OLD}` is `{_NEW}` now: it is left to Airflow."
        )
        return
    asked = _parser().parse_args(sys.argv[3:])
    line = _line(asked)
    level = {_LEVEL: "DEBUG"} if asked.verbose else {}
    shown = [*(f"{key}={value}" for key, value in level.items()), "airflow", *map(shlex.quote, line)]
    screen.note(f"`airflow {_OLD}` is Airflow 2's. It stands for this, which is run:\n  {' '.join(shown)}")
    for note in _notes(asked):
        screen.note(note)
    if asked.reset_dagruns and not (asked.yes or asked.dry_run):
        _confirm()
    os.environ.update(level)
    sys.argv[1:] = line


def _is_removed() -> bool:
    try:
        from airflow.cli.commands.legacy_commands import COMMAND_MAP  # noqa: PLC0415 - only `airflow` has it
    except ImportError:
        return False
    return COMMAND_MAP.get(_OLD) == _NEW


class _Refuse(argparse.Action):
    """A flag that is refused by name, with the remedy."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse's signature
        values: Any,  # noqa: ARG002 - the same
        option_string: str | None = None,
    ) -> None:
        parser.error(f"{option_string}: Airflow 3's backfills have nothing like it; {self.const}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"airflow {_OLD}",
        description=f"Airflow 2's command, by way of Log Router: prints the `airflow {_NEW}` line that it stands for, "
        "and runs it.",
        epilog="Airflow 2's other flags are refused, each with what to do instead.",
    )
    add = parser.add_argument
    add("dag_id", metavar="DAG")
    add("-s", "--start-date", metavar="T", help="the first logical date; a date is its midnight")
    add(
        "-e",
        "--end-date",
        metavar="T",
        help="the last one, included; a date is its midnight. One of both may do",
    )
    add("-c", "--conf", metavar="JSON", help="the runs' conf")
    add("--reset-dagruns", action="store_true", help="run all again that have run (asks, if not told -y)")
    add("--rerun-failed-tasks", action="store_true", help="run those again that failed")
    add("-B", "--run-backwards", action="store_true", help="the newest first")
    add("--max-active-runs", type=arguments.positive, metavar="N", help="runs at once")
    add("-n", "--dry-run", action="store_true", help="print which runs would be made, and make none")
    add("-y", "--yes", action="store_true", help="do not ask")
    add("-v", "--verbose", action="store_true", help="log more")
    for flags, remedy in _REFUSED.items():
        add(*flags, action=_Refuse, nargs="?", const=remedy, help=argparse.SUPPRESS)
    return parser


def _line(asked: argparse.Namespace) -> list[str]:
    """Return the arguments of `airflow` that do what is asked for."""
    start, end = asked.start_date or asked.end_date, asked.end_date or asked.start_date
    if not start:
        _parser().error("give --start-date or --end-date, or both")
    line = [*_NEW.split(), "--dag-id", asked.dag_id, "--from-date", start, "--to-date", end]
    if asked.conf is not None:
        line += ["--dag-run-conf", asked.conf]
    if asked.max_active_runs:
        line += ["--max-active-runs", str(asked.max_active_runs)]
    if asked.reset_dagruns or asked.rerun_failed_tasks:
        # Those that failed are among those that have run.
        line += ["--reprocess-behavior", "completed" if asked.reset_dagruns else "failed"]
    line += ["--run-backwards"] if asked.run_backwards else []
    return [*line, "--dry-run"] if asked.dry_run else line


def _notes(asked: argparse.Namespace) -> Iterator[str]:
    """Yield what a person may expect otherwise who knows Airflow 2."""
    end = asked.end_date or asked.start_date
    if re.fullmatch(r"\d{4}-\d\d-\d\d", end):
        yield (
            f"{end} is its midnight, as ever: of a DAG that runs more often than once a day, the rest of that day is "
            f"left out. With all of it: --end-date {end}T23:59"
        )
    if asked.rerun_failed_tasks and not asked.reset_dagruns:
        yield "Runs that failed are run again whole, not their failed tasks only."
    if not asked.dry_run:
        ours = asked.dag_id in (BULK_DAG, HOURLY_DAG)
        ways = f"To follow it: airflow dags list-runs {asked.dag_id}, or its page in the UI"
        yield (
            "It returns at once: the scheduler runs what is made here, and of a paused DAG nothing "
            f"(airflow dags unpause {asked.dag_id}). {following.ways(asked.dag_id) if ours else ways}"
        )


def _confirm() -> None:
    """Return when a person agrees; exit else, as Airflow 2 did."""
    try:
        agreed = input("All runs in that range that have ended are run again. Are you sure? [y/n] ")
    except EOFError:
        agreed = ""
    if agreed.strip().lower() not in ("y", "yes"):
        sys.exit("Nothing was done. To be asked no more: -y")
