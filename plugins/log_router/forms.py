"""What Airflow's trigger form asks for, DAG by DAG: defaults, sections, help, and what it refuses.

Airflow checks a run's conf against these when it is sent, from the form, by its API or for a backfill. Where the
remedy is not plain from that, it stands in `$comment`: Airflow's message quotes it. What no schema can say, such as
`from` after `to`, plan refuses before it reads anything.
"""

from typing import Any

from airflow.sdk import Param

from log_router.plans import RELOAD
from log_router.site import config_folder

# Airflow opens the section of those parameters that name none, and leaves the others closed.
_WHAT = "What to load"
# Airflow 3.3's form sends no parameters of a backfill otherwise, not for new runs either.
_SENT = " In a backfill only if Override parameters on existing runs is ticked: else Airflow passes over it."
_HOUR: dict[str, Any] = {
    "type": ["null", "string"],
    "format": "date-time",
    # A whole hour in UTC. One with the offset of a zone that is minutes off is left to plan.
    "pattern": r":00:00(\.0+)?([Zz]|[+-]\d\d:00)$|[+-]\d\d:(15|30|45)$",
    "$comment": "Give a whole hour, such as 2026-01-31T13:00:00Z",
}


def hour() -> dict[str, Param]:
    """Return the parameter of the hourly DAG: its hour."""
    return {
        "hour": Param(
            None,
            "The start of the hour to load, in UTC: a whole hour. Leave it empty for a backfill: each of its runs "
            "has an hour of its own.",
            title="Hour",
            **_HOUR,
        )
    }


def window(*, of_run: bool) -> dict[str, Param]:
    """Return the parameters `from` and `to`; `of_run`: a backfill's run has a window of its own."""
    clip = (
        f" A backfill loads only what lies in it: leave both empty to load its whole days.{_SENT}"
        if of_run
        else ""
    )
    return {
        "from": Param(
            None,
            f"The first hour to load, in UTC: a whole hour.{clip}",
            title="From",
            **_HOUR,
        ),
        "to": Param(
            None,
            "The first hour that is not loaded any more, in UTC: a whole hour. For all of January: 1 January 00:00 to "
            "1 February 00:00.",
            title="To",
            **_HOUR,
        ),
    }


def what() -> dict[str, Param]:
    """Return the parameters `events` and `mode`."""
    return {**_events(f"Only these events are loaded. None chosen: all of them.{_SENT}"), **_mode()}


def dry_run(*, of_run: bool) -> dict[str, Param]:
    """Return the parameter `dry_run`; `of_run`: of a DAG that can be backfilled."""
    return {
        "dry_run": Param(
            default=False,
            description="Changes nothing. The run's tab Log Router, and the log of plan, tell what would be read, "
            "what is loaded already, by how many tasks and COPYs the rest would be loaded, and how long that takes."
            + (_SENT if of_run else ""),
            type="boolean",
            title="Dry run",
        )
    }


def selection() -> dict[str, Param]:
    """Return the parameters of the reload DAG."""
    return {
        **window(of_run=False),
        "quarantined": Param(
            None,
            "An event. Only raw objects that hold quarantined lines of it are taken: of the hours, if they are given.",
            title="With quarantined lines of",
            type=["null", "string"],
            enum=[None, *event_names()],
        ),
        "objects": Param(
            None,
            "Ids as in _lr_object, or s3:// URLs, one a line. They are taken beside those of the hours.",
            title="Raw objects",
            type=["null", "array"],
            items={"type": "string", "pattern": "^([0-9a-f]{32}$|s3://)"},
        ),
        **_events("Only rows of these events are replaced. None chosen: of all of them."),
    }


def event_names() -> list[str]:
    """Return the names of the event files; the files stay unread."""
    return sorted(file.stem for file in (config_folder() / "events").glob("*.yaml"))


def _events(description: str) -> dict[str, Param]:
    names = event_names()
    items: dict[str, Any] = {"type": "string"}
    if names:
        remedy = (
            "Airflow knows the file of an event once it has read the DAGs again: airflow dags reserialize"
        )
        items |= {"enum": names, "$comment": remedy}
    return {
        "events": Param(
            None,
            description,
            title="Events",
            section=_WHAT,
            type=["null", "array"],
            items=items,
            # What makes the field a choice of several.
            examples=names,
        )
    }


def _mode() -> dict[str, Param]:
    return {
        "mode": Param(
            "missing",
            "missing: raw objects of which rows are missing. reload: all of them anew, as today's event files say; the "
            "rows they have are replaced, event by event, each in one transaction.",
            title="Mode",
            section=_WHAT,
            type="string",
            enum=["missing", RELOAD],
        )
    }
