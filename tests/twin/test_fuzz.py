"""Random input, the same in each run; `TWIN_FUZZ=50 pytest tests/twin/test_fuzz.py` tries other, and more.

What is loaded is held against oracles that know nothing of the twin's own code.
"""

import csv
import faulthandler
import io
import json
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.ports import Ports
from local.twin.errors import TwinError
from local.twin.load.delimited import RecordReader
from local.twin.load.records import Layout, Record, RecordError
from local.twin.sql.scanner import tokenize
from local.twin.sql.tokens import statements
from local.twin.sql.translate import translate
from tests.twin import fuzzing, oracle
from tests.twin.fuzzing import Table, examples
from tests.twin.warehouse import Bucket, Db, Warehouse


@pytest.fixture(autouse=True)
def _never_endless() -> Iterator[None]:
    """Say where it hangs, if it does."""
    faulthandler.dump_traceback_later(120 * max(fuzzing.TIMES, 1), exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


# -- SQL ---------------------------------------------------------------------------------------------


class Tables:
    """A catalog in which every table has a SUPER column."""

    def super_columns(self, table: tuple[str, ...]) -> frozenset[str]:
        """Return the same for each table."""
        assert table
        return frozenset({"data"})

    def columns(self, table: tuple[str, ...]) -> list[tuple[str, bool]]:
        """Return the same for each table."""
        assert table
        return [("a", False), ("b", False), ("data", True)]

    def late_views(self, names: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """Return none."""
        assert names is not None
        return {}


def plan(text: str) -> TwinError | None:
    """Plan every statement of a text; return the refusal."""
    try:
        for tokens in statements(tokenize(text)):
            translate(tokens, Tables())
    except TwinError as refusal:
        return refusal
    return None


@examples(1000)
@given(fuzzing.sql)
def test_any_text_is_a_plan_or_a_refusal(text: str) -> None:
    """The parser of COPY and the translator of SQL raise nothing but Redshift's kind of error."""
    refusal = plan(text)
    assert refusal is None or (refusal.message and re.fullmatch("[0-9A-Z]{5}", refusal.code))


@pytest.mark.parametrize("statement", fuzzing.STATEMENTS)
def test_the_statements_to_mutate_are_good_ones(statement: str) -> None:
    """Mutants of refused statements would not get far."""
    assert plan(statement) is None


@pytest.mark.parametrize("opening", ["(", "[", "/*", "nvl(", "cast(", "case when "])
def test_deep_nesting_is_no_crash(opening: str) -> None:
    """A plan or a refusal, closed or not, and soon."""
    closing = {"cast(": " as int)", "case when ": " then 1 end", "/*": "*/", "[": "]"}.get(opening, ")")
    for depth in (100, 2000):
        plan("select " + opening * depth)
        plan("select " + opening * depth + "1" + closing * depth)


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a'::varchar({})", "select data.x[{}] from t", "create table t (a varchar({}))",
        "create table t (a decimal({}, 2))", "create table t (a int identity({}, 1))", "select top {} a from t",
        f"copy t from 's3://b/k' {fuzzing.ROLE} json 'auto' maxerror {{}}",
        f"copy t from 's3://b/k' {fuzzing.ROLE} csv ignoreheader {{}}",
        f"copy t from 's3://b/k' {fuzzing.ROLE} fixedwidth 'a:{{}}'",
    ],
)  # fmt: skip
@pytest.mark.parametrize("number", ["9" * 5000, "٣", "²", "1e400", "0.", "-1"])
def test_odd_numbers_are_no_crash(statement: str, number: str) -> None:
    """More digits than Python reads, and digits of other scripts, are refused as SQL."""
    plan(statement.format(number))


# -- files of fields ---------------------------------------------------------------------------------

FIELD = st.text(st.sampled_from("ab1 é,|\"'\\\n\r\t"), max_size=8)
rows_of_fields = st.lists(st.lists(FIELD, min_size=2, max_size=4), min_size=1, max_size=6)


def fields(found: list[Record | RecordError]) -> list[list[str]]:
    return [
        [f.decode(errors="surrogateescape") for f in one.fields] for one in found if isinstance(one, Record)
    ]


def read(layout: Layout, data: bytes, step: int) -> list[Record | RecordError]:
    return list(RecordReader(layout).records(data[at : at + step] for at in range(0, len(data), step)))


@examples(300)
@given(rows_of_fields, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.integers(1, 9))
def test_csv_is_read_as_python_reads_it(rows: list[list[str]], all_quoted: bool, end: str, step: int) -> None:  # noqa: FBT001
    def written(field: str) -> str:
        bare = not all_quoted and not set(field) & set(',"\r\n')
        return field if bare else '"' + field.replace('"', '""') + '"'

    text = "".join(",".join(map(written, row)) + end for row in rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == rows
    assert fields(read(Layout("csv", delimiter=b","), text.encode(), step)) == rows


@examples(300)
@given(rows_of_fields, st.booleans(), st.integers(1, 9))
def test_escaped_text_reads_what_was_written(rows: list[list[str]], quotes: bool, step: int) -> None:  # noqa: FBT001
    """As UNLOAD ... ESCAPE [ADDQUOTES] writes it: a backslash before each character with a meaning."""
    mark = '"' if quotes else ""
    text = "".join(
        "|".join(mark + re.sub(r"([|\\\n\r\"'])", r"\\\1", f) + mark for f in row) + "\n" for row in rows
    )
    found = read(Layout("delimited", escape=True, remove_quotes=quotes), text.encode(), step)
    assert fields(found) == rows


LAYOUTS = (
    Layout("csv", delimiter=b","), Layout("csv", delimiter=b"\t", quote=b"'"), Layout("csv", delimiter=b"||"),
    Layout("delimited"), Layout("delimited", delimiter=b"||"), Layout("delimited", escape=True),
    Layout("delimited", remove_quotes=True), Layout("delimited", escape=True, remove_quotes=True),
    Layout("delimited", delimiter=b"||", escape=True, remove_quotes=True),
    Layout("fixedwidth", widths=(("a", 2), ("b", 3))),
)  # fmt: skip


@examples(500)
@given(
    st.sampled_from(LAYOUTS),
    st.lists(st.sampled_from([*"a,|\"'\\\n\r\t \0", "||", '","', '"\n', "é", "\udcff"])),
    st.integers(1, 9),
)
def test_any_bytes_are_records_or_errors(layout: Layout, parts: list[str], step: int) -> None:
    """However they arrive; every record is a piece of the file, in its place, and nothing is left out."""
    data = "".join(parts).encode(errors="surrogateescape")
    whole = read(layout, data, max(len(data), 1))
    assert read(layout, data, step) == whole
    at = 0
    for found in whole:
        at = data.index(found.raw, at) + len(found.raw)
    assert [found.number for found in whole] == sorted({found.number for found in whole})
    fine = all(isinstance(found, Record) for found in whole)
    if layout == LAYOUTS[0] and fine and not re.search(rb"[\0 \t]|\r(?!\n)|\r\Z", data):
        # where no rule of Redshift's own applies, it is CSV as anyone reads it
        expected = csv.reader(io.StringIO(data.decode(errors="surrogateescape"), newline=""), strict=True)
        assert fields(whole) == [row or [""] for row in expected]


# -- JSON --------------------------------------------------------------------------------------------


def allowed(table: Table, document: list[tuple[str, str]]) -> dict[str, oracle.Outcome]:
    """What may become of each column: of a key that stands there twice the last value counts."""
    by_key = {json.loads(key): value for key, value in document}
    found = {}
    for n, (kind, not_null) in enumerate(table.columns):
        outcome = oracle.outcome(kind, by_key.get(f"c{n}", "null"))
        found[f"c{n}"] = oracle.required(outcome) if not_null else outcome
    return found


def load(
    db: Db, columns: list[str], url: str, options: str
) -> tuple[dict[int, Any], dict[int, tuple[str, int]]]:
    """Return the rows by their first column, and of the lines that were refused column and code."""
    named = [f"c{n} {column}" for n, column in enumerate(columns)]
    db.execute(f"drop table if exists fuzz; create table fuzz (line int, {', '.join(named)})".encode())
    options = f"maxerror 100000 timeformat 'auto' dateformat 'auto' {options}"
    db.execute(f"copy fuzz from '{url}' {fuzzing.ROLE} {options}".encode())
    shown = {"super": "json_serialize(c{})", "real": "c{}::double precision"}
    names = [shown.get(kind.split()[0], "c{}").format(n) for n, kind in enumerate(columns)]
    # every digit of floating-point numbers
    db.execute("set extra_float_digits to 2")
    rows = db.execute(f"select line, {', '.join(names)} from fuzz".encode()).fetchall()
    errors = db.execute(
        "select line_number, trim(colname), err_code from stl_load_errors where query = pg_last_copy_id()"
    ).fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1:] for row in rows}, {row[0]: row[1:] for row in errors}


def plain(kind: str, value: Any) -> Any:
    """A value as the oracle has it."""
    if isinstance(value, str):
        return (
            oracle.comparable(oracle.parse(value))
            if kind == "super"
            else value.rstrip(" ")
            if kind.startswith("char")
            else value
        )
    return value


def check(db: Db, bucket: Bucket, table: Table) -> None:
    """Each line is one right row, or one error of the right column; never both, never neither."""
    url = bucket.put("fuzz.json", "\n".join(table.lines()).encode(errors="surrogateescape"))
    columns = [f"{kind}{' not null' if not_null else ''}" for kind, not_null in table.columns]
    rows, errors = load(db, columns, url, "json 'auto'")
    for n, (document, line) in enumerate(zip(table.documents, table.lines(), strict=True), 1):
        context = (table.columns, line, rows.get(n), errors.get(n))
        if isinstance(document, str):
            assert n not in rows, context
            assert (n in errors) == bool(line.strip()), context
            continue
        outcomes = allowed(table, document)
        assert (n in rows) != (n in errors), context
        if n in errors:
            name, code = errors[n]
            # what no string can hold may be found wherever it stands, also under a key that no column has
            unclean = not all(oracle.clean(oracle.parse(text)) for pair in document for text in pair)
            assert (unclean and code in {1216, 1220, 1224}) or (
                name in outcomes and code in outcomes[name].codes
            ), context
            continue
        for (kind, _), outcome, value in zip(table.columns, outcomes.values(), rows[n], strict=True):
            assert outcome.allows(plain(kind, value)), (kind, value, outcome, *context)


@pytest.mark.parametrize("kind", fuzzing.TYPES)
def test_each_type_takes_what_the_documentation_says(db: Db, schema: str, bucket: Bucket, kind: str) -> None:
    """Every value of the fuzz, one by one."""
    assert schema
    check(db, bucket, Table([(kind, False)], [[('"c0"', value)] for value in fuzzing.VALUES]))


@examples(60)
@given(table=fuzzing.tables())
def test_what_is_loaded_is_what_the_documentation_says(
    db: Db, schema: str, bucket: Bucket, table: Table
) -> None:
    """Values beside each other, under keys that come twice, in escapes or to no column; broken documents."""
    assert schema
    check(db, bucket, table)


@examples(40)
@given(table=fuzzing.csv_tables())
def test_what_is_loaded_of_csv_is_what_the_documentation_says(
    db: Db, schema: str, bucket: Bucket, table: tuple[list[str], list[list[str]]]
) -> None:
    """The same rules for the same texts, and the text of NULL AS."""
    assert schema
    kinds, documents = table
    text = io.StringIO()
    starts = []
    for n, document in enumerate(documents, 1):
        starts.append(text.getvalue().count("\n") + 1)
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([n, *document])
    rows, errors = load(db, kinds, bucket.put("fuzz.csv", text.getvalue().encode()), "csv")
    for n, (document, start) in enumerate(zip(documents, starts, strict=True), 1):
        outcomes = [
            oracle.NULL if field == "\\N" else oracle.outcome(kind, json.dumps(field))
            for kind, field in zip(kinds, document, strict=True)
        ]
        context = (kinds, document, rows.get(n), errors.get(start))
        assert (n in rows) != (start in errors), context
        if start in errors:
            name, code = errors[start]
            assert code in outcomes[int(name[1:])].codes, context
            continue
        for kind, outcome, value in zip(kinds, outcomes, rows[n], strict=True):
            assert outcome.allows(plain(kind, value)), (kind, value, outcome, *context)


# -- the wire ----------------------------------------------------------------------------------------


def send(port: int, data: bytes) -> None:
    """Send and read what comes, until the server hangs up, which it may at any time."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while client.recv(1 << 16):
                pass
        except TimeoutError:
            raise
        except OSError:
            return


@examples(60)
@given(st.lists(fuzzing.attempts, max_size=5))
def test_random_bytes_do_not_stop_the_server(
    warehouse: Warehouse, ports: Ports, attempts: list[bytes]
) -> None:
    """Each is answered or hung up on, and the next client is served."""
    for attempt in attempts:
        send(ports.warehouse, attempt)
    with warehouse.connect() as fine:
        assert fine.execute("select 1").fetchone() == (1,)
