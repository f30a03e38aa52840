"""What the fuzz is made of: statements, options and values, and how they are mixed."""

import json
import os
import re
import struct
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.twin.oracle import clean

TIMES = int(os.environ.get("TWIN_FUZZ", "0"))


def examples(number: int) -> settings:
    """Return settings for so many examples, the same in each run; TWIN_FUZZ=n: n times as many, and others."""
    return settings(
        max_examples=number * max(TIMES, 1),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# -- SQL: mutants of these, soups of their words and of odd things, COPY with any options --------------

ROLE = "iam_role 'arn:aws:iam::123456789012:role/loader'"
STATEMENTS = (
    f"copy s.t (a, b) from 's3://bucket/prefix' {ROLE} format as json 'auto' gzip maxerror 5 region 'us-east-1'",
    f"copy t from 's3://bucket/m' {ROLE} manifest json 'noshred' timeformat 'auto' compupdate off statupdate off",
    (
        "create table if not exists s.t (a int not null encode az64, b varchar(20) default 'x', data super)"
        " diststyle key distkey (a) compound sortkey (a, b)"
    ),
    "create temp table t (like s.u including defaults)",
    "create table t as select a, count(*) as n from u group by 1 order by 2 desc limit 5",
    "alter table s.t add column d timestamp default getdate()",
    "alter table t alter column b type varchar(300)",
    "alter table t rename to u",
    "insert into t (a, b) values (1, 'it''s'), (2, 'a\\\\b')",
    "insert into t select a, nvl(b, 'none') from u where a between 1 and 5 and b like 'x%'",
    "delete from t using u where t.a = u.a and u.b is not null",
    "update t set b = upper(b), c = c::decimal(10, 2) * 2 from u where t.a = u.a",
    "select t.data.user.id::int, t.data.items[0].price::float from t where t.data.kind::varchar = 'x'",
    "with x as (select a, row_number() over (partition by b order by a) as n from t) select * from x where n = 1",
    "select listagg(b, ',') within group (order by a), datediff(day, '2024-01-01', getdate()) from t",
    "select top 10 decode(a, 1, 'one', 2, 'two', 'many'), dateadd(month, 1, d) from t",
    "select cast(a as bigint), case when b = 'x' then 1 else 0 end from t left join u using (a) order by 1",
    "select json_parse('[1]'), json_extract_path_text(b, 'x', 'y'), is_valid_json(b) from t",
    "begin isolation level serializable", "commit", "truncate s.t", "vacuum full t", "analyze t",
    "lock s.t", "set query_group to 'load'", "show timezone", "grant select on all tables in schema s to u",
    "comment on column s.t.a is 'the key'", "create view v as select a from t", "drop table if exists s.t cascade",
)  # fmt: skip
ODD = (
    "'", '"', "''", '""', "$$", "$1", "E'\\'", "/*", "*/", "--", "\n", "(", ")", "((", "[", "]", "[]", ",",
    ";", ".", "..", "::", "->", ":", "#", "1", "-1", "1e400", "9" * 5000, "1.", ".5", "é", "İ", "ß", "٣", "²",
    "\u2028", "\\", "{", "}", "@", "?", "x" * 200, "\0",
)  # fmt: skip
COPY_OPTIONS = (
    "csv", "quote '\"'", "quote as '%'", "delimiter '|'", "delimiter as '\\t'", "delimiter ''",
    "fixedwidth 'a:1,b:2'", "fixedwidth ''", "format json 'auto'", "json 'auto ignorecase'",
    "json 's3://b/paths'", "json as 'noshred'", "format as parquet", "avro 'auto'", "manifest", "gzip",
    "zstd", "bzip2", "lzop", "maxerror 5", "maxerror as 100001", "maxerror -1", "noload", "timeformat 'auto'",
    "timeformat as 'YYYY-MM-DD'", "dateformat ''", "acceptinvchars", "acceptinvchars as '^'",
    "truncatecolumns", "blanksasnull", "emptyasnull", "null as '\\\\N'", "null ''", "ignoreheader 1",
    "ignoreheader as 99999999999999999999", "fillrecord", "explicit_ids", "compupdate on",
    "compupdate preset", "statupdate off", "region 'us-east-1'", "region as ''", "iam_role default",
    "iam_role 'x'", "iam_role 'arn:aws:iam::123456789012:role/a'", "credentials 'aws_iam_role=x'",
    "access_key_id 'a' secret_access_key 'b'", "escape", "removequotes", "ignoreblanklines", "trimblanks",
    "roundec", "acceptanydate", "encoding utf16", "ssh", "encrypted", "readratio 5",
)  # fmt: skip

_TOKEN = re.compile(r"\w+|'[^']*'|\s+|[^\w\s]")
_WORDS = sorted({word for text in STATEMENTS for word in _TOKEN.findall(text) if word.strip()})
_pieces = (
    st.sampled_from(_WORDS)
    | st.sampled_from(ODD)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
)


def _mutated(statement: str, other: str, changes: list[tuple[int, int, list[str]]], cut: int) -> str:
    """Return a statement with pieces taken out and others put in, and perhaps another's end."""
    parts = _TOKEN.findall(statement)
    for place, length, instead in changes:
        at = place % (len(parts) + 1)
        parts[at : at + length] = instead
    return "".join([*parts[:cut], *_TOKEN.findall(other)[cut:]] if cut else parts)


_good = st.sampled_from(STATEMENTS)
_changes = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 4), st.lists(_pieces, max_size=3)), min_size=1, max_size=3
)
_soup = st.lists(_pieces, max_size=25).map(" ".join)
_starts = st.sampled_from(
    ("copy", "create table t (", "alter table t", "select", "set", "merge into t", "insert into t")
)
_copies = st.builds(
    "copy {} {} from {} {}".format,
    st.sampled_from(("t", "s.t", '"T"', "a.b.c", "1", "")),
    st.sampled_from(("", "(a)", "(a, b)", "(a, a)", "()", "(a", "(1)")),
    st.sampled_from(("'s3://b/k'", "'s3://'", "'s3:///k'", "'dynamodb://t'", "stdin", "''", "'s3://b'")),
    st.lists(st.sampled_from(COPY_OPTIONS), max_size=8).map(" ".join),
)
_mutants = st.builds(_mutated, _good, _good, _changes, st.just(0) | st.integers(1, 30))
sql = _soup | st.builds("{} {}".format, _starts, _soup) | _mutants | _copies

# -- JSON: tables of any types, documents of values that are hard for them -----------------------------

INTEGERS = [
    str(sign * (1 << bits) + off) for bits in (0, 15, 31, 63, 130) for sign in (1, -1) for off in (-1, 0, 1)
]
NUMBERS = [
    *(number for number in INTEGERS if number != "-0"), "-0", "0.0", "-0.0", "1.5", "-1.005", "2.675",
    "0.00001", "99999999.99", "99999999.995", "1e2", "1E-2", "1e400", "1e-400", "3.4028235e38", "3.5e38",
    "1e-50", "1.7976931348623157e308", "0.1", "123456789.123456789", "9" * 60,
]  # fmt: skip
TEXTS = [
    "", " ", "   ", "null", "true", "False", "t", "N", "yes", "on", "1", "-1", "+7", "007", " 5", "1.5",
    "1_000", "0x1p3", "0x10", "1e3", "nan", "-inf", "٣", "²", "32768", "99999999.999", ".5", "5.", "-", "+",
    ".", "2024-02-29", "2023-02-29", "2024-13-01", "0001-01-01", "9999-12-31", "today", "2024-02-29 12:34:56",
    "2024-02-29T12:34:56", "2024-02-29 24:00:01", "2023-02-29 12:34:56",
    "2024-04-31 00:00:00", "0000-01-01 00:00:00", "2024-01-01 23:59:60", "2024-01-01 00:60:00",
    "2024-02-29 12:34:56.123456", "2024-01-01T00:00:00Z",
    "infinity", "a" * 9, "a" * 11, "é" * 5, "é" * 6, "x       ", "\\\\N", "\\\\.", "{}", "é|日😀", "\\n\\t\\r",
    "\\u00e9\\u0041", "\\ud83d\\ude00", "\\ud800", "\\udc00\\ud800", "\\u0000", "a\\u0000b", "\\\\u0000",
    '\\"\\/\\b\\f', "\u2028\x7f", "\ufeff",
]  # fmt: skip
TYPES = (
    "smallint", "integer", "bigint", "numeric(10,2)", "numeric(38,0)", "numeric(5,5)", "real",
    "double precision", "boolean", "varchar(10)", "varchar(300)", "char(10)", "date", "timestamp",
    "timestamptz", "super",
)  # fmt: skip
BROKEN = (
    '{{"line": {n},}}', '{{"line": {n} "c0": 1}}', '{{"line": {n}, "c0": 01}}', '{{"line": {n}, "c0": .5}}',
    '{{"line": {n}, "c0": NaN}}', '{{"line": {n}, "c0": +1}}', "{{'line': {n}}}", "{{line: {n}}}", "[{n}]", "{n}",
    '"{n}"', "null", "}}", '{{"line": {n}, "c0": tru}}', '{{"line": {n}, "c0": "\\x"}}',
    '{{"line": {n}, "c0": "a\tb"}}',
    '{{"line": {n}, "c0": "\udcff"}}', '{{"line": {n}, "\udcc3": 1}}',
)  # fmt: skip


def _raw_string(parts: list[str]) -> str:
    return '"' + "".join(parts) + '"'


_strings = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2).map(_raw_string)
_scalars = st.sampled_from(["null", "true", "false"]) | st.sampled_from(NUMBERS) | _strings
# each alone
VALUES = [
    "null",
    "true",
    "false",
    "{}",
    '[1, "a"]',
    '{"a": null}',
    *NUMBERS,
    *(_raw_string([text]) for text in TEXTS),
]
_values = _scalars | st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: "[" + ", ".join(some) + "]")
        | st.lists(st.tuples(_strings, inner), max_size=3).map(
            lambda some: "{" + ",".join(f"{key}: {value}" for key, value in some) + "}"
        )
    ),
    max_leaves=5,
)


class Table(NamedTuple):
    """Columns c0, c1, ... as (type, NOT NULL), and documents: pairs of key and value, or no document at all."""

    columns: list[tuple[str, bool]]
    documents: list[list[tuple[str, str]] | str]

    def lines(self) -> list[str]:
        """Return the file's lines; each document carries its line's number."""
        return [
            document.format(n=n) if isinstance(document, str) else _object([('"line"', str(n)), *document])
            for n, document in enumerate(self.documents, 1)
        ]


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(
        st.lists(
            st.tuples(st.sampled_from(TYPES), st.sampled_from([False, False, True])), min_size=1, max_size=4
        )
    )
    keys = [f'"c{n}"' for n in range(len(columns))]
    unknown = st.sampled_from(['"C0"', '"c0 "', '""', '"x"', '"\\ud800"', '"\\u0063"', '"é"'])
    pair = st.tuples(st.sampled_from([*keys, '"\\u00630"']) | unknown, _values)
    document = st.builds(
        lambda some, extra: [*zip(keys, some, strict=True), *extra],
        st.tuples(*(_values for _ in columns)), st.lists(pair, max_size=2),
    )  # fmt: skip
    broken = st.sampled_from(["", "  ", *BROKEN])
    return Table(columns, draw(st.lists(document | document | document | broken, min_size=1, max_size=30)))


# -- CSV: the same texts as fields ---------------------------------------------------------------------

PLAIN_TEXTS = [text for text in (json.loads(f'"{raw}"') for raw in TEXTS) if clean(text)]


@st.composite
def csv_tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Draw the columns' types and rows of texts for them."""
    kinds = draw(
        st.lists(st.sampled_from([kind for kind in TYPES if kind != "super"]), min_size=1, max_size=4)
    )
    row = st.lists(st.sampled_from([*PLAIN_TEXTS, *NUMBERS]), min_size=len(kinds), max_size=len(kinds))
    return kinds, draw(st.lists(row, min_size=1, max_size=30))


# -- the wire: any bytes, and messages of any type with wrong lengths ----------------------------------


def _startup(user: bytes) -> bytes:
    body = struct.pack("!I", 196608) + b"user\0" + user + b"\0database\0dev\0\0"
    return struct.pack("!I", len(body) + 4) + body


def _framed(kind: bytes, body: bytes, wrong: int) -> bytes:
    return kind + struct.pack("!I", (len(body) + 4 + wrong) & 0xFFFFFFFF) + body


_bodies = st.sampled_from([b"", b"select 1\0", b"\0select $1\0\0\1", b"S\0", b"P\0", b"\0\0", b"copy"])
_packets = st.binary(max_size=40) | st.builds(
    _framed,
    st.sampled_from([bytes([kind]) for kind in b"QPBDECSFHXpdcf\0"]),
    st.builds(bytes.__add__, _bodies, st.binary(max_size=12)),
    st.sampled_from([0, 0, 0, 0, 1, -1, -5, 1 << 30, -(1 << 31)]),
)
_requests = (struct.pack("!II", 8, code) for code in (80877102, 80877103, 80877104))
_openings = st.sampled_from([b"", _startup(b"awsuser"), _startup(b"\xff"), *_requests])
attempts = st.builds(lambda first, rest: first + b"".join(rest), _openings, st.lists(_packets, max_size=4))
