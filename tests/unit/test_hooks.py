"""What clients read as times: the same as botocore's own reading, whatever the form."""

from typing import Any

import boto3
import pytest
from botocore.utils import parse_timestamp

from log_router import hooks

TIMES = ["2026-01-31T13:00:00.000Z", "2026-01-31T13:00:00Z", "2026-01-31T13:00:00+02:00", 1767225600, "1767225600",
         "Sat, 31 Jan 2026 13:00:00 GMT"]  # fmt: skip


@pytest.mark.parametrize("written", TIMES)
def test_times_are_what_botocore_reads(written: Any) -> None:
    """With their zone."""
    assert hooks._time(written) == parse_timestamp(written)


def test_a_session_takes_it() -> None:
    """The setting is where this botocore looks for it."""
    session = boto3.Session("test", "test", region_name="eu-west-1")
    hooks.quick_times(session)
    client: Any = session.client("s3")
    parser = client._endpoint._response_parser_factory.create_parser("rest-xml")
    assert parser._timestamp_parser is hooks._time
