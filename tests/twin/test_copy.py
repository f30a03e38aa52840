"""COPY takes and refuses what Redshift's COPY takes and refuses."""

import bz2
import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from backports import zstd

from tests.twin.warehouse import Bucket, Db, copy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("schema")


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def last_error(db: Db) -> tuple[Any, ...]:
    """Return code, column, line and raw value of the newest load error."""
    row = db.execute(
        "select err_code, trim(colname), line_number, trim(raw_field_value) from stl_load_errors"
        " where query = pg_last_copy_id()"
    ).fetchone()
    assert row is not None
    return tuple(row)


def fails(db: Db, statement: str) -> None:
    with pytest.raises(
        psycopg.errors.InternalError_, match="Check 'stl_load_errors' system table for details"
    ):
        db.execute(statement.encode())


def test_auto_matches_first_level_keys_only(db: Db, bucket: Bucket) -> None:
    """A missing key is NULL, an unlisted column its default, an unknown key nothing; case counts."""
    db.execute("create table t (a int, b varchar(9), c int default 7, d varchar(20))")
    url = bucket.put("x.json", lines({"a": 1, "b": "x", "zz": 3}, {"A": 2, "d": {"k": [1, "z"]}}, {"c": 5}))
    db.execute(copy("t (a, b, d)", url).encode())
    assert db.execute("select a, b, c, d from t order by a").fetchall() == [
        (1, "x", 7, None),
        (None, None, 7, '{"k": [1, "z"]}'),
        (None, None, 7, None),
    ]


@pytest.mark.parametrize(
    ("option", "pack"),
    [("", bytes), ("gzip", gzip.compress), ("zstd", zstd.compress), ("bzip2", bz2.compress)],
)
def test_compressions_and_their_members(db: Db, bucket: Bucket, option: str, pack: Any) -> None:
    """Files of several compressed members are read to their end."""
    db.execute("create table t (a int)")
    url = bucket.put("x", pack(lines({"a": 1})) + pack(lines({"a": 2})))
    db.execute(copy("t", url, option).encode())
    assert db.execute("select sum(a) from t").fetchone() == (3,)


def test_half_a_compressed_file_fails_the_load(db: Db, bucket: Bucket) -> None:
    """What was read before its broken end is not loaded either."""
    db.execute("create table t (a int)")
    whole = gzip.compress(lines(*({"a": n} for n in range(1000))))
    with pytest.raises(psycopg.errors.InternalError_, match="Failed to decompress"):
        db.execute(copy("t", bucket.put("x", whole[: len(whole) // 2]), "gzip").encode())
    assert db.execute("select count(*) from t").fetchone() == (0,)


def test_documents_are_separated_by_any_white_space(db: Db, bucket: Bucket) -> None:
    """Several on a line, one over many lines, blank lines, CRLF and no final newline are all fine."""
    db.execute("create table t (a int, s super)")
    body = b'{"a":1}{"a":2} {"a":3}\r\n\n  \n{\n "a":\n 4,\n "s": {"x": "}{"}\n}\n{"a":5}'
    db.execute(copy("t", bucket.put("x", body)).encode())
    assert db.execute("select a, s from t order by a").fetchall() == [
        (1, None),
        (2, None),
        (3, None),
        (4, '{"x":"}{"}'),
        (5, None),
    ]


def test_numbers_keep_their_digits(db: Db, bucket: Bucket) -> None:
    """Nothing passes through a float; what exceeds a decimal's scale is cut off."""
    db.execute("create table t (a decimal(38,10), b decimal(5,2), c bigint, d varchar(40))")
    body = b'{"a":1234567890123456789012345678.0123456789,"b":1.005,"c":"9223372036854775807","d":1.500}\n'
    db.execute(copy("t", bucket.put("x", body)).encode())
    assert db.execute("select a::varchar, b::varchar, c, d from t").fetchone() == (
        "1234567890123456789012345678.0123456789",
        "1.00",
        9223372036854775807,
        "1.500",
    )


def test_text_arrives_as_it_was(db: Db, bucket: Bucket) -> None:
    """Escapes of JSON and of PostgreSQL's own format don't get into each other's way."""
    db.execute("create table t (n int, s varchar(100), j super)")
    texts = ["tab\there", "back\\slash", "new\nline", "\\N", "\\.", 'quo"te', "żółć 😀", "", "\r", "a\u2028b"]
    url = bucket.put("x", lines(*({"n": n, "s": s, "j": {"k": s}} for n, s in enumerate(texts))))
    db.execute(copy("t", url).encode())
    rows = db.execute("select s, j from t order by n").fetchall()
    assert [s for s, _ in rows] == texts
    assert [json.loads(j)["k"] for _, j in rows] == texts


@pytest.mark.parametrize(
    ("type_", "value", "code"),
    [
        ("varchar(3)", '"żó"', 1204),
        ("varchar(3)", '"\\u0000"', 1220),
        ("varchar(9)", '"\\ud800"', 1220),
        ("char(3)", '"ż"', 1220),
        ("char(3)", '"abcd"', 1204),
        ("int", "1.5", 1207),
        ("int", '"x"', 1207),
        ("int", "true", 1207),
        ("int", "2147483648", 1204),
        ("smallint", "-32769", 1204),
        ("bigint", "9223372036854775808", 1204),
        ("decimal(4,2)", "100", 1204),
        ("decimal(4,2)", "-100.00", 1204),
        ("decimal(4,2)", '"abc"', 1207),
        ("double precision", '"abc"', 1208),
        ("real", "1e39", 1204),
        ("double precision", "1e-400", 1204),
        ("boolean", '"perhaps"', 1210),
        ("date", '"2024-02-30"', 1205),
        ("timestamp", '"yesterday"', 1206),
        ("timestamp", "1700000000", 1206),
        ("timestamp", '"2024-01-01 25:00:00"', 1206),
        ("int not null", "null", 1213),
        ("varchar(3) not null", "null", 1213),
        ("super", '"' + "x" * 65_536 + '"', 1224),
        ("super", '{"k": "\\u0000"}', 1224),
    ],
)
def test_values_that_no_column_takes(db: Db, bucket: Bucket, type_: str, value: str, code: int) -> None:
    """Each refusal is in stl_load_errors with its code, column, line and value."""
    db.execute(f"create table t (k int, v {type_})".encode())
    good = b'{"k":1,"v":' + (b"1" if "int" in type_ else b'"1"' if "char" in type_ else b"null") + b"}\n"
    url = bucket.put("x", good + b'{"k":2,"v":' + value.encode() + b"}\n")
    fails(db, copy("t", url))
    found, column, line, raw = last_error(db)
    assert (found, line) == (code, 2)
    assert column == "v"
    assert code == 1213 or raw
    assert db.execute("select count(*) from t").fetchone() == (0,)


@pytest.mark.parametrize(
    ("type_", "value", "shown"),
    [
        ("varchar(4)", '"żó"', "żó"),
        ("char(3)", '"ab"', "ab "),
        ("int", '"12"', "12"),
        ("int", '""', None),
        ("boolean", '"Yes"', "true"),
        ("boolean", "0", "false"),
        ("varchar(9)", "true", "true"),
        ("date", '"2024/02/29"', "2024-02-29"),
        ("timestamp", '"2024-01-02T03:04:05.678Z"', "2024-01-02 03:04:05.678"),
        ("timestamp", '"01/02/2024 03:04:05 PM"', "2024-01-02 15:04:05"),
        ("timestamptz", '"2024-01-02 03:04:05+02:00"', "2024-01-02 01:04:05+00"),
        ("timestamptz", '"2024/01/02 03:04:05 -0700"', "2024-01-02 10:04:05+00"),
        ("real", "1e3", "1000"),
    ],
)
def test_values_that_a_column_takes(
    db: Db, bucket: Bucket, type_: str, value: str, shown: str | None
) -> None:
    """Text is read as the column's type."""
    db.execute(f"create table t (v {type_})".encode())
    url = bucket.put("x", b'{"v":' + value.encode() + b"}")
    db.execute(copy("t", url, "timeformat 'auto' dateformat 'auto'").encode())
    text = "v" if "char" in type_ else "v::varchar"
    if type_ == "boolean":
        text = "case v when true then 'true' when false then 'false' end"
    assert db.execute(f"select {text} from t".encode()).fetchone() == (shown,)


def test_invalid_utf8_names_its_column(db: Db, bucket: Bucket) -> None:
    """Bytes that are no UTF-8 are error 1220."""
    db.execute("create table t (a int, b varchar(9))")
    fails(db, copy("t", bucket.put("x", b'{"a":1}\n{"a":2,"b":"\xff"}\n')))
    assert last_error(db)[:3] == (1220, "b", 2)


@pytest.mark.parametrize(
    "body", [b'{"a":1,}', b"[1]", b"7", b'{"a":1', b'{"a":"x\n"}', b"nonsense", b'{"a":1}}']
)
def test_what_is_no_document_is_an_invalid_line(db: Db, bucket: Bucket, body: bytes) -> None:
    """JSON that can't be read is error 1216 on its line."""
    db.execute("create table t (a varchar(9))")
    fails(db, copy("t", bucket.put("x", b'{"a":"0"}\n' + body + b"\n")))
    assert last_error(db)[:3] == (1216, "", 2)


def test_a_document_may_have_four_megabytes(db: Db, bucket: Bucket) -> None:
    """The limit is 4 MB, and a `|` counts twice."""
    db.execute("create table t (a int)")
    pad = 4 * 1024 * 1024 - len(b'{"a":1,"x":""}')
    db.execute(copy("t", bucket.put("ok", b'{"a":1,"x":"' + b"y" * pad + b'"}')).encode())
    for key, fill in (
        ("long", b"y" * (pad + 1)),
        ("bars", b"|" * (pad // 2 + 100)),
        ("huge", b"y" * 12_000_000),
    ):
        fails(db, copy("t", bucket.put(key, b'{"a":1,"x":"' + fill + b'"}')))
        assert last_error(db)[:3] == (1216, "", 1)


def test_every_option_our_loads_use(db: Db, bucket: Bucket, schema: str) -> None:
    """The whole statement, by the default role, with every option."""
    db.execute('create table t ("a" int, "tag" varchar(5))')
    part = bucket.put("x.zst", zstd.compress(lines({"a": 1, "tag": "x"})))
    manifest = bucket.manifest({"url": part, "mandatory": True})
    db.execute(
        f'COPY "{schema}"."t" ("a", "tag") FROM \'{manifest}\' IAM_ROLE default FORMAT AS JSON \'auto\' MANIFEST ZSTD'
        " TIMEFORMAT 'auto' DATEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF REGION 'us-east-1' MAXERROR 0;".encode()
    )
    assert db.execute("select * from t").fetchall() == [(1, "x")]


def test_a_failure_keeps_its_id_over_a_rollback(db: Db, bucket: Bucket) -> None:
    """The id of a load that failed is there to look its errors up by, after the rollback, too."""
    db.execute("create table t (a int)")
    db.execute("begin")
    fails(db, copy("t", bucket.put("x", b'{"a":"x"}')))
    db.execute("rollback")
    assert last_error(db)[0] == 1207


@pytest.fixture
def far_bucket(s3_client: "S3Client") -> Bucket:
    """A bucket in another region than the warehouse's."""
    name = f"twin-far-{os.urandom(4).hex()}"
    s3_client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return Bucket(s3_client, name, "x/")


def test_another_regions_bucket_needs_its_region(db: Db, bucket: Bucket, far_bucket: Bucket) -> None:
    """COPY reads the warehouse's region or the one that REGION names, in manifests, too."""
    db.execute("create table t (a int)")
    far, near = far_bucket.put("x", lines({"a": 1})), bucket.put("x", lines({"a": 1}))
    for manifest in (bucket.manifest({"url": far}), far_bucket.manifest({"url": near})):
        for region in ("", "region 'eu-west-1'"):
            with pytest.raises(psycopg.errors.InternalError_, match="must be addressed using the specified"):
                db.execute(copy("t", manifest, f"manifest {region}").encode())
    with pytest.raises(psycopg.errors.InternalError_, match="PermanentRedirect"):
        db.execute(copy("t", far).encode())
    db.execute(copy("t", far, "region 'eu-west-1'").encode())
    db.execute(copy("t", far_bucket.manifest({"url": far}), "manifest region 'eu-west-1'").encode())
    assert db.execute("select count(*) from t").fetchone() == (2,)


def test_the_client_hears_what_was_loaded(db: Db, bucket: Bucket) -> None:
    """Rows, refused records and replacements are told in Redshift's notices."""
    heard: list[str | None] = []
    look = "Check 'stl_{}' system table for details."
    db.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    db.execute("create table t (a int, b varchar(9))")
    url = bucket.put("x", b'{"a":1,"b":"\xff"}\n{"a":"x"}\n{"a":2}\n')
    db.execute(copy("t", url, "maxerror 2 acceptinvchars").encode())
    loaded = "Load into table 't' completed, {} record(s) {}"
    assert heard == [
        loaded.format(2, "loaded successfully."),
        loaded.format(1, f"could not be loaded.  {look.format('load_errors')}"),
        loaded.format(
            1, f"were loaded with replacements made for ACCEPTINVCHARS.  {look.format('replacements')}"
        ),
    ]
