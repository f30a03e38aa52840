"""Commands that mend what was found, ready to paste."""

import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from log_router.core.findings import Finding, Kind
from log_router.core.windows import DAY, HOUR, Hour, hours_between, iso
from log_router.lanes import HOURLY_DAG

# More would not be pasted: the hours are named in their place.
_OBJECTS, _HOURS = 10, 3
_RELOADED = frozenset(
    {
        Kind.TABLE_GONE,
        Kind.EVENT_NOT_LOADED,
        Kind.ROWS_MISSING,
        Kind.ROWS_DOUBLED,
        Kind.SPLIT_DIFFERS,
        Kind.QUARANTINE_DIFFERS,
        Kind.RECORD_DIFFERS,
    }
)
_DIGITS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%j": 3, "%H": 2}
# A batch's id starts with its hours, as `label_of` writes them; one that was cut from a larger one has a number.
_LABEL = re.compile(r"(\d{8})(?:T(\d{2})(?:-(\d{8}T\d{2}))?)?(?:\.\d+)?-[0-9a-f]+")


def run_again(hours: Iterable[Hour]) -> list[str]:
    """Return the commands that run hours again: what is missing is loaded, what is there stays."""
    wanted = sorted(set(hours), key=lambda hour: hour.start)
    if len(wanted) <= _HOURS:
        return [
            f'airflow dags trigger {HOURLY_DAG} --conf \'{{"hour": "{iso(hour.start)}"}}\'' for hour in wanted
        ]
    return [f"log-router backfill --from {iso(wanted[0].start)} --to {iso(wanted[-1].end)} --hourly"]


def reload(objects: Iterable[str], hours: Iterable[Hour], events: Iterable[str] = ()) -> list[str]:
    """Return the command that loads raw objects anew, or their hours where there are many."""
    ids = sorted(set(objects))
    wanted = sorted(set(hours), key=lambda hour: hour.start)
    what = f"--object {shlex.join(ids)}"
    if len(ids) > _OBJECTS and wanted:
        what = f"--from {iso(wanted[0].start)} --to {iso(wanted[-1].end)}"
    return [f"log-router reload {what}{_events(events)}"]


def of(kind: Kind, found: Sequence[Finding]) -> list[str]:
    """Return the commands for findings of one kind; none where nothing is to be done."""
    events = {finding.event for finding in found if finding.event}
    hours = [finding.hour for finding in found if finding.hour is not None]
    ids = [finding.object_id for finding in found]
    if kind in (Kind.NEVER_LOADED, Kind.PENDING_EVENT):
        return run_again(hours)
    if kind is Kind.NOT_RECORDED:
        # What has no record at all is pending; where the record is of before, a run would leave it out.
        old = [finding for finding in found if finding.expected or finding.found]
        missing = [finding.hour for finding in found if finding.hour is not None and finding not in old]
        again = reload((each.object_id for each in old), hours, events) if old else []
        return [*run_again(missing), *again]
    if kind is Kind.CHANGED:
        return [_rollback(ids), *run_again(hours)]
    if kind is Kind.ROWS_UNKNOWN:
        known = [finding for finding in found if finding.hour is not None]
        strange = [finding.object_id for finding in found if finding.hour is None]
        return [
            *(reload([each.object_id for each in known], hours, events) if known else ()),
            *([_rollback(strange, events)] if strange else ()),
        ]
    return reload(ids, hours, events) if kind in _RELOADED else []


def hours_of_batches(batch_ids: Iterable[str]) -> set[Hour]:
    """Return the hours that batches were planned for, as far as their ids tell."""
    labels = {match.groups() for batch_id in batch_ids if (match := _LABEL.fullmatch(batch_id))}
    return {hour for label in labels for hour in _hours_of_label(*label)}


def _hours_of_label(day: str, hour: str | None, end: str | None) -> Sequence[Hour]:
    first = _hour(f"{day}T{hour or '00'}", "%Y%m%dT%H")
    if end is not None:
        return hours_between(first, _hour(end, "%Y%m%dT%H"))
    return hours_between(first, Hour(first.start + (DAY if hour is None else HOUR)))


def hours_of_template(keys: Iterable[str], template: str) -> set[Hour]:
    """Return the hours in whose prefix raw objects stand, as far as the prefix template can be read backwards."""
    pattern = re.escape(template)
    for directive, digits in _DIGITS.items():
        pattern = pattern.replace(re.escape(directive), f"[0-9]{{{digits}}}")
    return {_hour(match[0], template) for key in keys if (match := re.match(pattern, key))}


def _hour(text: str, template: str) -> Hour:
    return Hour(datetime.strptime(text, template).replace(tzinfo=UTC))


def _rollback(objects: Iterable[str], events: Iterable[str] = ()) -> str:
    return f"log-router rollback --object {shlex.join(sorted(set(objects)))}{_events(events)} --yes"


def _events(events: Iterable[str]) -> str:
    names = sorted(set(events))
    return f" --event {shlex.join(names)}" if names else ""
