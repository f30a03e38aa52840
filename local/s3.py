"""The S3 and SQS server of the embedded stack: loopback only, its objects kept on disk."""

import functools
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.environment import LOOPBACK, REGION, ROOT, StackError
from local.ports import Ports
from local.processes import Processes, Service

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

NAME = "s3"
FRONT = "s3-front"
# of its own: the server pins another botocore than Airflow's providers
SERVER = ROOT / ".local" / "s3-venv" / "bin" / "ministack"
# A session makes clients for one thread at a time; the clients themselves are anybody's.
_MAKING = threading.Lock()


def start(processes: Processes, state_dir: Path, port: int, environment: Mapping[str, str]) -> None:
    """Start the server on `port` with the objects of `state_dir`; return when it answers."""
    if not SERVER.exists():
        raise StackError(f"the S3 server is not installed in {SERVER.parent.parent}: run `make install`")
    settings = {
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "SERVICES": "s3,sqs,sts",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state_dir / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state_dir / "s3-state"),
        "LOG_LEVEL": "WARNING",
    }
    command = (str(SERVER.with_name("python")), str(SERVER))
    processes.start(Service(NAME, command, {**environment, **settings}))
    processes.wait_until(NAME, lambda: _answers(port), 60.0)


def start_front(
    processes: Processes, ports: Ports, options: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Start the front before the server; return when the server answers through it."""
    command = (
        sys.executable,
        "-m",
        "local.s3_front",
        f"--port={ports.s3_front}",
        f"--server-port={ports.s3}",
    )
    processes.start(Service(FRONT, (*command, *options), environment))
    processes.wait_until(FRONT, lambda: _answers(ports.s3_front), 60.0)


def s3_client(port: int) -> "S3Client":
    """Return a client of the server on `port`."""
    with _MAKING:
        return _session().client("s3", endpoint_url=f"http://{LOOPBACK}:{port}", config=_config())


def sqs_client(port: int) -> "SQSClient":
    """Return a client of the server's queues."""
    with _MAKING:
        return _session().client("sqs", endpoint_url=f"http://{LOOPBACK}:{port}", config=_config())


def make_bucket(client: "S3Client", name: str) -> None:
    """Make the bucket `name` unless it is there."""
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        client.create_bucket(Bucket=name)


@functools.cache
def _session() -> boto3.session.Session:
    """Return the one session of this process: each new one reads boto's descriptions of S3 and SQS again."""
    return boto3.session.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local server's, not a secret
        region_name=REGION,
    )


def _config() -> Config:
    # an address can't carry the bucket's name in front of it; loopback needs no proxy
    return Config(
        s3={"addressing_style": "path"}, proxies={}, retries={"max_attempts": 3, "mode": "standard"}
    )


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}/_ministack/ready", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
