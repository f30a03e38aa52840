"""Messages as S3 has them sent, and others that find their way into its queue, written after AWS's documents.

Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure"; Amazon SNS Developer Guide,
"Parsing message formats".
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from tests.harness.world import Version

_REGION = "us-east-1"
_ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Put:
    """A raw object as it was written, the `number`th of its bucket, `at` by S3's clock; `old` if that is long ago."""

    version: Version
    number: int
    at: datetime
    old: bool

    @property
    def sequencer(self) -> str:
        """What S3 orders the notices of one key by."""
        return f"{self.number:018X}"


def told(puts: Sequence[Put], rng: random.Random) -> str:
    """Return a message that tells of objects, in one of the forms; what is not ours may stand among them."""
    if len(puts) == 1 and rng.random() < 0.2:
        return _eventbridge(puts[0])
    records = [_record(put) for put in puts]
    if rng.random() < 0.2:
        records.insert(rng.randrange(len(records) + 1), rng.choice(_others(puts[0])))
    body = json.dumps({"Records": records})
    return _by_sns(body) if rng.random() < 0.2 else body


def stray(put: Put, rng: random.Random) -> str:
    """Return a message that is S3's and tells of nothing to load."""
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": _time(put), "Bucket": put.version.bucket}
    deleted = {
        "detail-type": "Object Deleted",
        "reason": "DeleteObject",
        "deletion-type": "Delete Marker Created",
    }
    bodies = [json.dumps({"Records": [other]}) for other in _others(put)]
    bodies += [json.dumps({**test, "RequestId": "ED3", "HostId": "x"}), _eventbridge(put, **deleted)]
    body = rng.choice(bodies)
    return _by_sns(body) if rng.random() < 0.2 else body


def foreign(put: Put, rng: random.Random) -> str:
    """Return a message that is not S3's, or no whole one."""
    record = _record(put)
    return rng.choice(
        [
            "hello",
            "{}",
            "[1]",
            '"text"',
            json.dumps({"Records": [record]})[:-9],
            json.dumps({"Records": [record, {**record, "eventSource": "aws:ses"}]}),
            json.dumps({"Records": [{**record, "s3": None}]}),
            _by_sns("an alarm"),
            json.dumps({"bucket": put.version.bucket, "key": put.version.key}),
        ]
    )


def _others(put: Put) -> list[dict[str, Any]]:
    """Return records of S3 that are of no raw object."""
    return [
        _record(put, event="ObjectRemoved:Delete"),
        _record(put, event="ObjectRemoved:DeleteMarkerCreated"),
        _record(put, event="ObjectTagging:Put"),
        _record(put, bucket="another-bucket"),
        _record(put, key=f"other/{put.version.key}"),
        _record(put, key="raw/readme"),
    ]


def _record(put: Put, *, event: str = "ObjectCreated:Put", bucket: str = "", key: str = "") -> dict[str, Any]:
    name = bucket or put.version.bucket
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": _REGION,
        "eventTime": _time(put),
        "eventName": event,
        "userIdentity": {"principalId": "AWS:EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {
            "x-amz-request-id": "C3D13FE58DE4C810",
            "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "log-router",
            "bucket": {"name": name, "ownerIdentity": {"principalId": "A3"}, "arn": f"arn:aws:s3:::{name}"},
            "object": {
                "key": quote_plus(key or put.version.key, safe="/"),
                "size": len(put.version.stored),
                "eTag": put.version.etag,
                "sequencer": put.sequencer,
            },
        },
    }


def _eventbridge(put: Put, **changed: str) -> str:
    kind = changed.pop("detail-type", "Object Created")
    version = put.version
    detail = {
        "version": "0",
        "bucket": {"name": version.bucket},
        # As it is: only the notification of S3's own encodes it.
        "object": {
            "key": version.key, "size": len(version.stored), "etag": version.etag, "sequencer": put.sequencer
        },
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": _ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
        **changed,
    }  # fmt: skip
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": kind,
            "source": "aws.s3",
            "account": _ACCOUNT,
            "time": _time(put),
            "region": _REGION,
            "resources": [f"arn:aws:s3:::{version.bucket}"],
            "detail": detail,
        }
    )


def _by_sns(body: str) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": f"arn:aws:sns:{_REGION}:{_ACCOUNT}:raw",
            "Subject": "Amazon S3 Notification",
            "Message": body,
            "Timestamp": "2026-01-31T13:00:00.000Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/cert.pem",
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        }
    )


def _time(put: Put) -> str:
    return put.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{put.at.microsecond // 1000:03}Z"
