"""What Redshift's answers mean: mend, try again later, or begin anew at once."""

import pytest
from redshift_connector import error as driver

from log_router import warehouse
from log_router.core.errors import LogRouterError, Refused, WillPass
from log_router.warehouse import Conflict, CopyRefused, past_conflicts


@pytest.mark.parametrize(
    ("state", "message", "kind", "said"),
    [
        ("XX000", "1023", Conflict, "1023"),
        ("XX000", "ERROR: 1023 DETAIL: Serializable isolation violation on table - 1", Conflict, "1023"),
        ("XX000", "1018 DETAIL: Relation does not exist.", Conflict, "1018"),
        ("40P01", "deadlock detected", Conflict, "deadlock"),
        ("42P07", 'relation "t" already exists', Conflict, "already exists"),
        ("57P01", "terminating connection due to administrator command", WillPass, "57P01"),
        ("XX000", "S3ServiceException: SlowDown, Status 503", WillPass, "SlowDown"),
        ("XX000", "Load into table 't' failed.  Check 'stl_load_errors' system table", CopyRefused, "Load"),
        ("42501", "permission denied for schema x", Refused, "grant the loader's user this right"),
        ("53100", "Disk Full", Refused, "free space or resize"),
        ("28000", "password authentication failed", Refused, "check user and password"),
        ("42703", 'column "c1023" does not exist', Refused, "c1023"),
    ],
)
def test_an_answer_has_its_kind(state: str, message: str, kind: type[LogRouterError], said: str) -> None:
    """The kind decides whether a task is retried; the text names statement, answer and remedy."""
    error = driver.ProgrammingError({"S": "ERROR", "C": state, "M": message})
    found = warehouse._translated("COPY t\nFROM 's3://x'", error)
    assert type(found) is kind
    assert str(found).startswith("COPY t: Redshift answered")
    assert said in str(found)


def test_a_conflict_is_begun_anew() -> None:
    """A transaction that collides twice succeeds the third time, and is not run again after that."""
    answers: list[Conflict | str] = [Conflict("1023"), Conflict("deadlock"), "done", "again"]

    def transaction() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Conflict):
            raise answer
        return answer

    assert past_conflicts(transaction) == "done"
    assert answers == ["again"]


def test_an_endless_conflict_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not begun anew for ever: the task then fails and is retried by Airflow."""
    tries: list[float] = []
    monkeypatch.setattr("time.sleep", tries.append)

    def transaction() -> None:
        raise Conflict("1023")

    with pytest.raises(Conflict):
        past_conflicts(transaction)
    assert len(tries) == 5
