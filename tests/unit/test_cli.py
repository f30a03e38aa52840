"""What can be typed, and the commands that are printed to be typed."""

import argparse
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from log_router.cli import remedies, screen
from log_router.cli.main import parser
from log_router.core.findings import Finding, Kind
from log_router.core.windows import HOUR, Hour

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
    assert screen.duration(seconds) == said


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
    assert backfill == (
        "airflow backfill create --dag-id log_router_hourly --from-date 2026-01-31T13:00:00Z "
        "--to-date 2026-01-31T23:00:00Z --reprocess-behavior completed"
    )


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
    assert remedies.hours_of_batches(["20260131T13-0123", "reload-0123"]) == {FIRST}
