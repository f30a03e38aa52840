"""The stack's storage, started for real: what is kept, what is refused, what is left behind."""

import json
import socket
from pathlib import Path

import psycopg
import pytest
from botocore.exceptions import ClientError

from local import s3
from local.environment import ROOT, StackError
from local.ports import Ports
from local.stack import RAW_BUCKET, STAGING_BUCKET, Stack
from log_router.core.notices import read
from log_router.queue import Queue

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not s3.SERVER.exists(), reason="the S3 server is not installed: run `make install`"),
]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_objects_notices_and_tables_outlive_down_together(tmp_path: Path) -> None:
    """After down and up, bucket, queue and warehouse hold the same as before, wherever the servers listen."""
    with Stack(tmp_path, Ports.free(), airflow=False) as stack:
        written = stack.s3().put_object(Bucket=RAW_BUCKET, Key="raw/a b+c.json", Body=b"{}\n")["ETag"]
        with psycopg.connect(stack.warehouse_dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (id BIGINT)")
            connection.execute("INSERT INTO kept VALUES (1)")
    with Stack(tmp_path, Ports.free(), airflow=False) as stack:
        assert stack.s3().head_object(Bucket=RAW_BUCKET, Key="raw/a b+c.json")["ETag"] == written
        with psycopg.connect(stack.warehouse_dsn) as connection:
            assert connection.execute("SELECT id FROM kept").fetchall() == [(1,)]
        for key in ("elsewhere/x", "raw/%/ü"):
            stack.s3().put_object(Bucket=RAW_BUCKET, Key=key, Body=b"{}\n")
        assert_notices(stack, {"raw/a b+c.json", "raw/%/ü"})


def assert_notices(stack: Stack, keys: set[str]) -> None:
    """The queue that Airflow is told of has a notice for each of the keys, and one word of its set-up."""
    url = stack.env()["LOG_ROUTER_QUEUE_URL"]
    queue = Queue(s3.sqs_client(stack.ports.s3_front), url)
    said = [read(message.body) for message in queue.drain(10, 5.0, 600)]
    assert [dict(one.ignored) for one in said if one.ignored] == [{"s3:TestEvent": 1}]
    assert {notice.key for one in said for notice in one.created} == keys
    facts = queue.facts()
    assert (facts.problems(600), facts.max_receive_count, facts.in_flight) == ((), 5, 1 + len(keys))
    assert facts.dead_letter_url == f"{url}-dead"
    assert f"arn:aws:s3:::{RAW_BUCKET}" in facts.policy


def test_airflow_may_only_read_the_raw_bucket(tmp_path: Path) -> None:
    """So that a run of the demo proves that it needs no more; the twin and S3 don't fail on demand there."""
    with Stack(tmp_path, Ports.free(), airflow=False) as stack:
        assert f":{stack.ports.s3_front}" in stack.env()["AIRFLOW_CONN_AWS_DEFAULT"]
        stack.s3().put_object(Bucket=RAW_BUCKET, Key="raw/a", Body=b"{}")
        client = stack.s3_as_product()
        assert client.get_object(Bucket=RAW_BUCKET, Key="raw/a")["Body"].read() == b"{}"
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket=RAW_BUCKET, Key="raw/a")
        client.put_object(Bucket=STAGING_BUCKET, Key="a", Body=b"")
        with pytest.raises(ConnectionRefusedError):
            stack.s3_faults.hits()


def test_up_on_a_running_stack_starts_nothing_and_uses_its_ports(tmp_path: Path) -> None:
    """A second `make up` finds the first one's processes, wherever they listen."""
    with Stack(tmp_path, Ports.free(), airflow=False) as stack:
        before = {path.name: path.read_text() for path in (tmp_path / "run").iterdir()}
        second = Stack(tmp_path, Ports.free(), airflow=False)
        second.up()
        assert second.ports == stack.ports
        assert {path.name: path.read_text() for path in (tmp_path / "run").iterdir()} == before


def test_up_on_a_stack_that_is_up_with_another_catalog_is_refused(tmp_path: Path) -> None:
    """No second catalog is mixed into the first one's Airflow and warehouse; the first stays up."""
    with Stack(tmp_path, Ports.free(), airflow=False) as stack:
        other = Stack(tmp_path, Ports.free(), airflow=False, config_dir=ROOT / "examples" / "github")
        with pytest.raises(StackError, match=r"with another catalog: run `make down` first"):
            other.up()
        assert sorted(stack.processes.names()) == ["postgres", "s3", "s3-front", "twin"]
    assert Stack.running_in(tmp_path) is None


def test_down_leaves_no_process_and_no_pid_file(tmp_path: Path) -> None:
    """What up started is gone after down; a second down has nothing to do."""
    stack = Stack(tmp_path, Ports.free(), airflow=False)
    stack.up()
    pids = [json.loads(path.read_text())["pid"] for path in (tmp_path / "run").iterdir()]
    assert len(pids) == 4
    assert all(map(alive, pids))
    assert sorted(stack.down()) == ["postgres", "s3", "s3-front", "twin"]
    assert not any(map(alive, pids))
    assert stack.down() == []


def test_a_taken_port_stops_the_start_before_anything_runs(tmp_path: Path) -> None:
    """The error names the port; nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        free = Ports.free()
        ports = Ports(**{**vars(free), "warehouse": taken})
        with pytest.raises(StackError, match=rf"{taken} \(warehouse\)"):
            Stack(tmp_path, ports, airflow=False).up()
    assert not list(tmp_path.glob("run/*"))


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    """No other user of the machine can read the passwords."""
    Stack(tmp_path, Ports.free(), airflow=False)
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
