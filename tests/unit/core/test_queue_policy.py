"""Who may send to a queue, told from its policy."""

import json
from typing import Any

import pytest

from log_router.core.queue_policy import senders

S3 = "s3.amazonaws.com"


def allowing(**changed: Any) -> dict[str, Any]:
    """Return the statement that AWS's guide shows for S3, with some keys changed."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": ["SQS:SendMessage"],
        "Resource": "arn:aws:sqs:eu-west-1:123456789012:notices",
        "Condition": {
            "ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:acme-events"},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        },
    }
    return {**statement, **changed}


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([allowing()], (S3,)),
        (allowing(), (S3,)),
        ([allowing(Condition={"ArnEquals": {"AWS:SourceArn": ["arn:aws:s3:::acme-events"]}})], (S3,)),
        ([allowing(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::acme-*"}}, Action="sqs:*")], (S3,)),
        ([allowing(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::acme-event"}})], ()),
        ([allowing(Effect="Deny")], ()),
        ([allowing(Action="sqs:ReceiveMessage")], ()),
        ([allowing(Principal={"AWS": "arn:aws:iam::123456789012:root"})], ()),
        (
            [allowing(Principal={"Service": ["sns.amazonaws.com", "events.amazonaws.com"]})],
            ("sns.amazonaws.com", "events.amazonaws.com"),
        ),
        ([allowing(Principal="*", Condition={})], (S3, "sns.amazonaws.com", "events.amazonaws.com")),
        ([{"Effect": "Allow", "NotPrincipal": {"AWS": "*"}, "Action": "sqs:SendMessage"}], ()),
    ],
)
def test_who_may_send(statements: Any, found: tuple[str, ...]) -> None:
    """S3 by its own name and of that bucket, SNS and EventBridge whatever they pass on."""
    assert senders(json.dumps({"Statement": statements}), "acme-events") == found


def test_no_policy_lets_nobody_send() -> None:
    """So it is with a queue that was just made."""
    assert senders("", "acme-events") == ()
