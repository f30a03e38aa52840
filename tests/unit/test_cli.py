"""What can be typed, and the commands that are printed to be typed."""

import argparse
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from log_router.cli import dags_backfill, remedies
from log_router.cli.main import parser
from log_router.core.amounts import duration
from log_router.core.findings import Finding, Kind
from log_router.core.windows import HOUR, Hour, hours_between

ROOT = Path(__file__).resolve().parents[2]
FIRST = Hour(datetime(2026, 1, 31, 13, tzinfo=UTC))


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return each command's parser."""
    (action,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(action.choices)


def takes(command: str) -> argparse.Namespace:
    """Parse a command line of ours as a shell would hand it over."""
    program, *arguments = shlex.split(command)
    assert program == "log-router"
    return parser().parse_args(arguments)


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_examples_of_the_help_can_be_typed(name: str) -> None:
    """Every command shows examples, and each is taken."""
    examples = re.findall(r"^  (log-router .*)$", commands()[name].epilog or "", re.MULTILINE)
    assert examples
    for example in examples:
        assert takes(example).run


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md"])
def test_the_examples_of_the_documents_can_be_typed(document: str) -> None:
    """Every command line of ours in an example is taken as it stands."""
    text = (ROOT / document).read_text()
    examples = re.findall(r"^log-router .*$", text, re.MULTILINE)
    examples += re.findall(r"`(log-router [a-z]+ --from [^`]*)`", text)
    assert examples
    for example in examples:
        assert takes(example).run


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (9.8, "10 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3 * 3600 + 61, "3 h 1 min"),
        (86_400 * 2, "2 d"),
        (86_405, "1 d 5 s"),
        (-1.2, "-1 s"),
        (-0.3, "0 s"),
    ],
)
def test_a_time_span_is_said_in_two_units_at_most(seconds: float, said: str) -> None:
    """It is rounded to whole seconds; clocks that differ may make it negative, which is not hidden."""
    assert duration(seconds) == said


def finding(kind: Kind, number: int, **more: object) -> Finding:
    """Return a finding of the hour of that number, of an object of its own."""
    hour = Hour(FIRST.start + number * HOUR)
    given = {"hour": hour, "event": "order placed", "expected": 2, "found": 1, **more}
    return Finding(kind, f"{number:032x}", f"s3://raw/{number}", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.GONE])
@pytest.mark.parametrize("count", [1, 4, 11])
def test_every_remedy_can_be_typed(kind: Kind, count: int) -> None:
    """Each kind of finding has a remedy, that our own command line takes, however many objects there are."""
    made = remedies.of(kind, [finding(kind, number) for number in range(count)])
    assert made
    for command in made:
        assert command.startswith("airflow ") or takes(command).run


def test_remedies_name_objects_while_they_fit_and_hours_beyond() -> None:
    """A command stays one that a person can read: ten objects, three hours, then ranges."""
    few = [finding(Kind.ROWS_MISSING, number) for number in range(2)]
    assert remedies.of(Kind.ROWS_MISSING, few) == [
        f"log-router reload --object {0:032x} {1:032x} --event 'order placed'"
    ]
    many = [finding(Kind.ROWS_MISSING, number) for number in range(11)]
    assert remedies.of(Kind.ROWS_MISSING, many) == [
        "log-router reload --from 2026-01-31T13:00:00Z --to 2026-02-01T00:00:00Z --event 'order placed'"
    ]
    (backfill,) = remedies.of(Kind.NEVER_LOADED, many)
    assert backfill == "log-router backfill --from 2026-01-31T13:00:00Z --to 2026-02-01T00:00:00Z --hourly"


def test_what_has_no_record_runs_again_and_what_has_an_old_one_is_reloaded() -> None:
    """A run leaves out what is recorded, so the record of before is mended by a reload only."""
    pending = finding(Kind.NOT_RECORDED, 0, expected=0, found=0, event="")
    stale = finding(Kind.NOT_RECORDED, 1)
    run, reload = remedies.of(Kind.NOT_RECORDED, [pending, stale])
    assert run.startswith("airflow dags trigger log_router_hourly")
    assert "T13:00:00Z" in run
    assert reload == f"log-router reload --object {1:032x} --event 'order placed'"


def test_rows_of_no_known_object_are_taken_back() -> None:
    """They can't be loaded anew: nothing says from where they came."""
    (command,) = remedies.of(Kind.ROWS_UNKNOWN, [finding(Kind.ROWS_UNKNOWN, 0, hour=None)])
    assert command == f"log-router rollback --object {0:032x} --event 'order placed' --yes"


def test_hours_are_read_from_keys_and_from_batches() -> None:
    """By the prefix template where it can be read backwards, else by what a batch's id begins with."""
    assert remedies.hours_of_template(["a.b/2026-01-31/13/x", "elsewhere"], "a.b/%Y-%m-%d/%H/") == {FIRST}
    assert remedies.hours_of_template(["Jan-31/13/x"], "%b-%d/%H/") == set()
    assert remedies.hours_of_batches(["20260131T13-0123", "reload-0123", "stream-20260131T130501-0123"]) == {
        FIRST
    }


def test_all_hours_of_a_bulk_batch_are_read_from_it() -> None:
    """Of a day, of a range, and of what was cut from one: else they would stay away when it is taken back."""
    day = set(
        hours_between(Hour(FIRST.start.replace(hour=0)), Hour(FIRST.start.replace(day=1, month=2, hour=0)))
    )
    assert remedies.hours_of_batches(["20260131-0123"]) == day
    assert remedies.hours_of_batches(["20260131T13.2-0123"]) == {FIRST}
    (more,) = remedies.run_again(remedies.hours_of_batches(["20260131T13-20260203T07.12-0123"]))
    assert more == "log-router backfill --from 2026-01-31T13:00:00Z --to 2026-02-03T07:00:00Z --hourly"


# Airflow 2.10, `airflow dags backfill --help`.
_AIRFLOW_2 = """
-B -c --conf --continue-on-failures --delay-on-limit --disable-retry -x --donot-pickle -n --dry-run -e --end-date
-i --ignore-dependencies -I --ignore-first-depends-on-past -l --local -m --mark-success --pool --rerun-failed-tasks
--reset-dagruns --run-backwards -s --start-date -S --subdir -t --task-regex --treat-dag-as-regex
--treat-dag-id-as-regex -v --verbose -y --yes
"""


@pytest.mark.parametrize("flag", _AIRFLOW_2.split())
def test_no_flag_of_airflow_2s_backfill_is_passed_over(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is taken, or refused by its name with a remedy."""
    (action,) = [one for one in dags_backfill._parser()._actions if flag in one.option_strings]
    if isinstance(action, dags_backfill._Refuse):
        with pytest.raises(SystemExit):
            dags_backfill._parser().parse_args(["-s", "2026-01-01", flag, "value", "a_dag"])
        assert (
            f"{flag}: Airflow 3's backfills have nothing like it; {action.const}\n" in capsys.readouterr().err
        )
    else:
        assert action.help


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("-s 2026-01-01 a", "--from-date 2026-01-01 --to-date 2026-01-01"),
        ("-e 2026-01-01 a", "--from-date 2026-01-01 --to-date 2026-01-01"),
        (
            "a -s 2026-01-01 -e 2026-01-02T23:00 -n",
            "--from-date 2026-01-01 --to-date 2026-01-02T23:00 --dry-run",
        ),
        ("a -s 1 -c {} -B", "--from-date 1 --to-date 1 --dag-run-conf {} --run-backwards"),
        ("a -s 1 --rerun-failed-tasks", "--from-date 1 --to-date 1 --reprocess-behavior failed"),
        (
            "a -s 1 --rerun-failed-tasks --reset-dagruns --max-active-runs 3",
            "--from-date 1 --to-date 1 --max-active-runs 3 --reprocess-behavior completed",
        ),
    ],
)
def test_airflow_2s_backfill_stands_for_one_of_airflow_3s(typed: str, meant: str) -> None:
    """One date is both; failed runs are among all those that have run."""
    asked = dags_backfill._parser().parse_args(typed.split())
    assert " ".join(dags_backfill._line(asked)) == f"backfill create --dag-id a {meant}"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--from 2026-01-02 --to 2026-01-03 --dry-run --wait", "--wait: not allowed with argument --dry-run"),
        ("--cancel --wait", "--wait: not allowed with argument --cancel"),
        ("--cancel --from 2026-01-02 --to 2026-01-03", "at work: leave out --from, --to\n"),
        ("--cancel --mode reload --newest-first", "at work: leave out --mode reload, --newest-first\n"),
        ("--wait --event a --at-once 2", "leave out --event, --at-once, or give --from and --to to make one"),
    ],
)
def test_a_backfill_that_is_there_takes_no_other_wishes(
    typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be heeded is refused by its name, before anything is asked or changed."""

    def typing() -> None:
        asked, nobody = takes(f"log-router backfill {typed}"), None
        asked.run(asked, nobody)

    with pytest.raises(SystemExit) as refused:
        typing()
    assert refused.value.code == 2
    assert said in capsys.readouterr().err
