"""Every error Log Router raises; two of them are Redshift's and stand in warehouse.py.

LogRouterError
├── NeedsAction            a person must act first; a retry cannot help
│   ├── ConfigError        settings or event files are wrong; lists every problem at once
│   ├── WindowError        a run does not say which hour or raw objects it is for
│   ├── ConservationError  counts do not add up: nothing is committed
│   ├── CopyRefused        COPY refused lines (warehouse.py)
│   ├── ForeignBody        a message of the queue is no notice of S3
│   └── Refused            S3, SQS or Redshift refused, and will refuse again
│       └── BrokenObject   one raw object can't be read whole; the others go on
└── WillPass               throttling, lost connections: worth a retry
    └── Conflict           another session came between: begun anew at once (warehouse.py)
"""

from collections.abc import Sequence

# The remedy where counts differ: the parts are made anew from the raw objects.
SPLIT_AGAIN = "run the same again, or clear this run's split tasks with downstream: both split anew"


class LogRouterError(Exception):
    """The root of all errors that Log Router raises on purpose."""


class NeedsAction(LogRouterError):  # noqa: N818 - names the reaction, as WillPass does
    """A person must act before a retry can succeed."""


class WillPass(LogRouterError):  # noqa: N818
    """The same call may succeed later, unchanged."""


class ConfigError(NeedsAction):
    """Settings or event files are wrong; `problems` holds one `file: path: what; remedy` line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([f"{head} in the configuration:", *self.problems]))


class WindowError(NeedsAction):
    """A run does not say which hour or raw objects it is for, or says something that is none."""


class ConservationError(NeedsAction):
    """Lines read and lines accounted for differ, or Redshift counted other rows than the manifest."""


class ForeignBody(NeedsAction):
    """A message of the queue is no notice of S3."""


class Refused(NeedsAction):
    """S3, SQS or Redshift refused the request and would refuse it again."""


class BrokenObject(Refused):
    """A raw object can't be read whole: `reason` is one word, the message says what and the remedy."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)
