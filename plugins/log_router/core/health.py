"""What a check came to."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is: a problem keeps something from working, a warning does not, or not yet."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what was found, and what a person is to do about it."""

    state: State
    subject: str
    said: str
    remedy: str = ""


def ok(subject: str, said: str) -> Check:
    """Return what is as it should be."""
    return Check(State.OK, subject, said)


def warning(subject: str, said: str, remedy: str = "") -> Check:
    """Return what works, but should be looked at."""
    return Check(State.WARNING, subject, said, remedy)


def problem(subject: str, said: str, remedy: str = "") -> Check:
    """Return what does not work."""
    return Check(State.PROBLEM, subject, said, remedy)
