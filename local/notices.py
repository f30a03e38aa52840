"""The queue to which a raw bucket sends its notices, and the dead-letter queue behind it, set up as on AWS."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.environment import LOOPBACK, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

QUEUE = "log-router-notices"
_ACCOUNT = "000000000000"
# stream_hold_seconds, unless a site sets another
_VISIBILITY_SECONDS = 600
_MAX_RECEIVES = 5
# the longest that SQS keeps a message
_RETENTION_SECONDS = 14 * 24 * 3600


def url_of(port: int, name: str = QUEUE) -> str:
    """Return the URL of a queue of the server on `port`."""
    return f"http://{LOOPBACK}:{port}/{_ACCOUNT}/{name}"


def connect(s3: "S3Client", sqs: "SQSClient", bucket: str, prefix: str = "", name: str = QUEUE) -> None:
    """Have a bucket tell the queue `name` of each new object below a prefix; make it and the one behind it.

    What is there already stays as it is, with its messages.
    """
    dead = f"{name}-dead"
    redrive = {"deadLetterTargetArn": _arn(dead), "maxReceiveCount": str(_MAX_RECEIVES)}
    _make(sqs, dead, {"MessageRetentionPeriod": str(_RETENTION_SECONDS)})
    _make(
        sqs,
        name,
        {
            "VisibilityTimeout": str(_VISIBILITY_SECONDS),
            "RedrivePolicy": json.dumps(redrive),
            "Policy": json.dumps(_policy(bucket, name)),
        },
    )
    wanted: list[Any] = [
        {
            "Id": "log-router",
            "QueueArn": _arn(name),
            "Events": ["s3:ObjectCreated:*"],
        }
    ]
    if prefix:
        wanted[0]["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    # set anew, it would send another s3:TestEvent
    if s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations") != wanted:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": wanted}
        )


def _make(sqs: "SQSClient", name: str, attributes: dict[Any, str]) -> None:
    # by its name: where the server listens belongs to the URL of a queue, and may have changed
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if "NonExistentQueue" not in error.response["Error"]["Code"]:
            raise
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def _policy(bucket: str, name: str) -> dict[str, object]:
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": _arn(name),
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    return {"Version": "2012-10-17", "Statement": [allowed]}


def _arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{_ACCOUNT}:{name}"


def depth(sqs: "SQSClient", name: str = QUEUE) -> int:
    """Return how many messages are in a queue: to be received, received but not deleted, or delayed."""
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: Mapping[Any, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(found[f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible", "Delayed"))
