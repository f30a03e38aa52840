"""What COPY reads from S3 is the whole of it, or an error."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.twin.errors import TwinError, cancelled
from local.twin.load.command import parse_copy
from local.twin.load.source import Source, SourceFile, client
from local.twin.sql.scanner import tokenize
from tests.twin.warehouse import Bucket, copy

LINE = b'{"n": 1}\n'


class _Cutting(http.server.BaseHTTPRequestHandler):
    """Announces ten lines, sends five, and hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(10 * len(LINE)))
        self.end_headers()
        self.wfile.write(5 * LINE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """A source whose S3 cuts every object at the end of a line."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Cutting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Source(client(f"http://127.0.0.1:{server.server_port}", "us-east-1"), "us-east-1")
        server.shutdown()


@pytest.mark.parametrize("compression", ["", "gzip", "zstd", "bzip2"])
def test_an_object_that_is_cut_is_an_error(cut: Source, compression: str) -> None:
    """Lines that did not arrive would be missing from the table without a word."""
    with pytest.raises(TwinError, match=r"45 read, but total bytes expected is 90|Failed to decompress"):
        list(cut.chunks(SourceFile("bucket", "key"), compression))


@pytest.mark.parametrize("manifest", [False, True])
def test_a_cancelled_copy_asks_s3_no_more(bucket: Bucket, manifest: bool) -> None:  # noqa: FBT001
    """A manifest of many files takes a while before the first is loaded."""
    url = bucket.put("a", LINE)
    url = bucket.manifest({"url": url}) if manifest else url
    tokens = tokenize(copy("t", url, "manifest" if manifest else ""))

    def wanted() -> None:
        raise cancelled()

    with pytest.raises(TwinError, match="cancelled on user's request"):
        Source(bucket.s3, "us-east-1").files(parse_copy(tokens), wanted)


def test_a_row_too_long_for_postgresql_is_no_error_of_redshift(
    db: psycopg.Connection[Any], bucket: Bucket, schema: str
) -> None:
    """The widest tables load as long as their rows fit; else the twin says that it is the twin."""
    db.execute(f"create table {schema}.t ({', '.join(f'c{n} bigint' for n in range(1600))})".encode())
    row = ",".join(["7"] * 1600)
    options = "iam_role default csv"
    with pytest.raises(psycopg.errors.FeatureNotSupported, match=r"8,160 bytes.*local Redshift twin"):
        db.execute(f"copy t from '{bucket.put('a', row.encode())}' {options}".encode())
    few = "7" + "," * 1599
    db.execute(f"copy t from '{bucket.put('b', few.encode())}' {options}".encode())
    assert db.execute("select c0, c1599 from t").fetchall() == [(7, None)]
