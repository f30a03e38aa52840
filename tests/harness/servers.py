"""Where the servers are, what speaks with them, and what else all processes of the harness share."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import redshift_connector
from botocore import UNSIGNED
from botocore.config import Config

from log_router.auditing import Auditor
from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.core.windows import Hour
from log_router.store import Store
from log_router.warehouse import Warehouse
from tests.harness.events import CATALOGS, EVENT_KEY
from tests.harness.run import Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

SQL = Path(__file__).resolve().parents[2] / "include" / "sql"


@dataclass(frozen=True)
class Address:
    """Where the servers are."""

    s3: str
    warehouse: dict[str, Any]
    faults: int


@cache
def statements() -> Statements:
    """Return the product's statements."""
    return Statements(SQL)


def compile_statements() -> None:
    """Have all statements compiled, so that workers needn't."""
    environment = statements()._environment
    for name in environment.list_templates(extensions=["sql"]):
        environment.get_template(name)


@cache
def catalog(number: int) -> Catalog:
    """Return what a site knows: at first, or later."""
    events = tuple(Event.model_validate(event) for event in CATALOGS[number])
    return Catalog(event_key=EVENT_KEY, events=events)


@cache
def session() -> boto3.session.Session:
    """Return AWS's client library with its models of S3 and SQS in memory, so that workers needn't read them."""
    made = boto3.session.Session("test", "test", region_name="us-east-1")
    client(made, "http://127.0.0.1:1")
    queue_client(made, "http://127.0.0.1:1")
    return made


# One try: retries are what is looked at. Signing, and saying who asks, would be a fifth of what a request costs.
_ONCE = Config(
    s3={"addressing_style": "path"},
    proxies={},
    retries={"max_attempts": 0},
    signature_version=UNSIGNED,
    user_agent="harness",
)


def client(of: boto3.session.Session, endpoint: str) -> "S3Client":
    """Return a client of S3 that tries once."""
    return of.client("s3", endpoint_url=endpoint, config=_ONCE)


def queue_client(of: boto3.session.Session, endpoint: str) -> "SQSClient":
    """Return a client of SQS that tries once."""
    return of.client("sqs", endpoint_url=endpoint, config=_ONCE)


def audited(address: Address, place: Place, hours: Iterable[str]) -> list[tuple[str, str]]:
    """Return what the product's own audit finds: the raw object, and what it says of it."""
    settings = Settings.model_validate(place.settings)
    store = Store(client(session(), address.s3), settings)
    warehouse = Warehouse(lambda: redshift_connector.connect(**address.warehouse), ())
    auditor = Auditor(store, warehouse, statements(), settings, catalog(place.catalog))
    found = auditor.audit([Hour(datetime.fromisoformat(hour)) for hour in hours], datetime.now(UTC)).findings
    return [(finding.object_id, str(finding)) for finding in found]
