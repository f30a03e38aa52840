"""The twin answers as Redshift does: every case of `cases/`, in the form that `conformance` describes."""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from local import s3
from local.environment import ROOT
from tests.twin.conformance import Body, Case, Placed, known_not_met, read_cases, same
from tests.twin.warehouse import ROLE, Bucket, Db, Warehouse

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CASES = read_cases(Path(__file__).parent / "cases")
BUCKET = "twin-cases"


@pytest.fixture(scope="module")
def objects(s3_client: "S3Client") -> "S3Client":
    s3.make_bucket(s3_client, BUCKET)
    return s3_client


class Sessions:
    """Gives each case a session; signing in costs as much as a case, so one without traces is used again."""

    _TRACE = re.compile(
        r"#|\b(set|reset|temp|temporary|copy|begin|start|prepare|declare|authorization|use)\b", re.IGNORECASE
    )

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._clean: Db | None = None

    @contextlib.contextmanager
    def session(self, case: Case) -> Iterator[Db]:
        """Yield an idle session in which nothing has been set, copied or kept."""
        db, self._clean = self._clean or self._warehouse.connect(), None
        yield db
        db.rollback()
        if self._TRACE.search(" ".join([*case.setup, case.statement, case.query or ""])):
            db.close()
        else:
            self._clean = db

    def close(self) -> None:
        """End the session that is kept."""
        if self._clean is not None:
            self._clean.close()


@pytest.fixture(scope="module")
def sessions(warehouse: Warehouse) -> Iterator[Sessions]:
    kept = Sessions(warehouse)
    yield kept
    kept.close()


@pytest.fixture
def db(case: Case, sessions: Sessions) -> Iterator[Db]:
    with sessions.session(case) as connection:
        yield connection


@pytest.fixture
def own_schema(db: Db) -> Iterator[str]:
    """A schema of the case's own, on the search path; dropped whatever the case left open."""
    name = f"c_{os.urandom(4).hex()}"
    db.execute(f"create schema {name}; set search_path to {name}".encode())
    yield name
    db.rollback()
    db.execute(f"drop schema {name} cascade".encode())


def parameter(placed: Placed) -> Any:
    """Return a case as pytest takes it; one that the twin is known to fail must fail."""
    fails = placed.case.fails
    known = (AssertionError, psycopg.Error)
    marks = [pytest.mark.xfail(strict=True, reason=fails, raises=known)] if fails else []
    return pytest.param(placed.case, id=placed.id, marks=marks)


@pytest.mark.parametrize("case", [parameter(placed) for placed in CASES])
def test_case(case: Case, db: Db, own_schema: str, objects: "S3Client") -> None:
    """The statement gives the rows or the error which the case's source promises."""
    bucket = Bucket(objects, BUCKET, f"{os.urandom(6).hex()}/")
    names = {
        "{prefix}": bucket.url(""),
        "{role}": ROLE,
        "{schema}": own_schema,
        "{manifest}": put_files(case, bucket),
    }
    for statement in case.setup:
        run(db, statement, names)
    rows = check_statement(case, db, names)
    if case.query is not None:
        rows = run(db, case.query, names)
    if case.rows is not None:
        assert [len(row) for row in rows] == [len(row) for row in case.rows], f"got {rows}"
        wrong = [
            (expected, actual)
            for wanted, row in zip(case.rows, rows, strict=True)
            for expected, actual in zip(wanted, row, strict=True)
            if not same(filled(expected, names), actual)
        ]
        assert not wrong, f"expected and got, where they differ: {wrong}; of rows {rows}"


def filled(expected: Any, names: dict[str, str]) -> Any:
    """Return an expected value with the case's own names in it."""
    if isinstance(expected, str):
        for name, value in names.items():
            expected = expected.replace(name, value)
    return expected


def put_files(case: Case, bucket: Bucket) -> str:
    """Store the case's objects and return the address of its manifest."""
    prefix = bucket.url("")
    for key, body in case.files.items():
        packed = body if isinstance(body, Body) else Body(text=body)
        bucket.put(key, packed.content(prefix))
    if case.manifest is None:
        return ""
    return bucket.manifest(*(entry.document(prefix) for entry in case.manifest))


def check_statement(case: Case, db: Db, names: dict[str, str]) -> list[tuple[Any, ...]]:
    """Return the rows of the case's statement, or none after the error that it must give."""
    if case.error is None:
        return run(db, case.statement, names)
    with pytest.raises(psycopg.Error) as caught:
        run(db, case.statement, names)
    error = caught.value
    text = f"{error.diag.message_primary}; {error.diag.message_detail or ''}"
    assert case.error.code in {None, error.sqlstate}, f"{error.sqlstate}: {text}"
    message = case.error.message or ""
    assert re.search(message, text), f"{error.sqlstate}: {text}"
    # what the twin lacks is no proof of what Redshift refuses
    assert "twin" in message or "local Redshift twin" not in text, text
    return []


def run(db: Db, statement: str, names: dict[str, str]) -> list[tuple[Any, ...]]:
    """Return the rows of the last statement that has any."""
    cursor = db.execute(filled(statement, names).encode())
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def test_readme_lists_what_is_not_met() -> None:
    """What the twin is known to do differently stands in its README, with the reason."""
    section = known_not_met(CASES)
    text = (ROOT / "local" / "twin" / "README.md").read_text()
    heading = "## Known not to be met"
    if section:
        assert section in text, f"local/twin/README.md must hold:\n\n{section}"
    else:
        assert heading not in text, f"remove the section '{heading}' from local/twin/README.md"


GOOD = {"name": "a", "source": "AWS, a page", "statement": "select 1", "rows": [[1]]}


@pytest.mark.parametrize(
    ("cases", "mistake"),
    [
        ([{**GOOD, "colour": "red"}], "x.yaml: a: .*colour"),
        ([{**GOOD, "source": ""}], "x.yaml: a: .*source"),
        ([{key: value for key, value in GOOD.items() if key != "source"}], "x.yaml: a: .*source"),
        ([{**GOOD, "rows": None}], "x.yaml: a: .*rows, error or both"),
        ([{**GOOD, "error": {}}], "x.yaml: a: .*code, message or both"),
        ([{**GOOD, "error": {"code": "XX000"}}], "x.yaml: a: .*without query"),
        ([{**GOOD, "files": {"k": {"gzip": "a", "text": "b"}}}], "x.yaml: a: .*exactly one of"),
        ([GOOD, GOOD], "x.yaml: a: another case has this name"),
        ({"name": "a"}, "x.yaml: must hold a list"),
    ],
)
def test_wrong_cases_are_refused(tmp_path: Path, cases: Any, mistake: str) -> None:
    """A case that is not as it must be is an error that names its file and itself."""
    (tmp_path / "x.yaml").write_text(json.dumps(cases))
    with pytest.raises(ValueError, match=mistake):
        read_cases(tmp_path)
