"""What a backfill asks of Airflow: which runs of a DAG, and with which parameters."""

import json
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from log_router.core.errors import WindowError
from log_router.core.windows import HOUR, Hour, hours_between, iso, past_hours

# Windows that have run are run again, whatever became of them: a green run is no word on what came after it, on events
# that were added since, or on other parameters; and what is loaded costs it no COPY.
REPROCESS = "completed"


@dataclass(frozen=True)
class Request:
    """Hours from `first` to before `end`, by runs of a DAG whose data intervals are windows of `window_hours` UTC."""

    dag_id: str
    window_hours: int
    first: Hour
    end: Hour
    events: tuple[str, ...]
    mode: str
    newest_first: bool
    at_once: int

    @property
    def from_date(self) -> datetime:
        """The logical date of the first run: the start of its window."""
        return self._start(self.first)

    @property
    def to_date(self) -> datetime:
        """The logical date of the last run."""
        return self._start(Hour(self.end.start - HOUR))

    @property
    def window(self) -> timedelta:
        """How long the data interval of a run is."""
        return self.window_hours * HOUR

    def _start(self, hour: Hour) -> datetime:
        return hour.start.replace(hour=hour.start.hour // self.window_hours * self.window_hours)

    def windows(self) -> dict[datetime, list[Hour]]:
        """Return the hours of each run by its logical date, oldest first: those of its window that are in the range."""
        found: dict[datetime, list[Hour]] = {}
        for hour in hours_between(self.first, self.end):
            found.setdefault(self._start(hour), []).append(hour)
        return found

    @property
    def conf(self) -> dict[str, Any]:
        """The parameters of every run; never none at all: a run that is run again would keep those it had before."""
        clipped = self.from_date != self.first.start or self.to_date + self.window != self.end.start
        bounds = {"from": iso(self.first.start), "to": iso(self.end.start)} if clipped else {}
        events = {"events": list(self.events)} if self.events else {}
        return {**bounds, **events, "mode": self.mode}

    @property
    def command(self) -> str:
        """The command of Airflow's that makes the same backfill."""
        line = ["airflow", "backfill", "create", "--dag-id", self.dag_id]
        line += ["--from-date", iso(self.from_date), "--to-date", iso(self.to_date)]
        line += ["--dag-run-conf", json.dumps(self.conf), "--reprocess-behavior", REPROCESS]
        line += ["--max-active-runs", str(self.at_once), *(["--run-backwards"] if self.newest_first else [])]
        return shlex.join(line)

    def check(self, now: datetime) -> None:
        """Return where Airflow has, or makes, a run for every hour of the range: one whose window is over.

        Raises:
            WindowError: it has none; or `from` is not before `to`.
        """
        past_hours(self.first, self.end, now)
        last = self.to_date
        if last + self.window > now:
            whole = f"give {iso(last)} as `to`, and " if self.first.start < last else ""
            own = {**self.conf, "from": iso(max(self.first.start, last)), "to": iso(self.end.start)}
            line = shlex.join(["airflow", "dags", "trigger", self.dag_id, "--conf", json.dumps(own)])
            raise WindowError(
                f"to: {self.dag_id} has a run for the {self.window_hours} hours from {iso(last)} only when they are "
                f"over; {whole}load the hours of that window by a run of their own: {line}"
            )
