"""Who a queue's policy lets send, as far as its text tells."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import orjson

# Whose notices of new objects a queue can be given (Amazon S3 User Guide, "Event notification types and destinations").
SENDERS = ("s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com")
_SENDING = ("sqs:sendmessage", "sqs:*", "*")


def senders(policy: str, raw_bucket: str) -> tuple[str, ...]:
    """Return which of `SENDERS` the policy lets send; S3 only where its condition lets that bucket.

    `policy` is the queue's attribute, empty where it has none. Other conditions are not looked at.
    """
    document = orjson.loads(policy) if policy else {}
    return tuple(
        sender
        for sender in SENDERS
        if any(_lets(statement, sender, raw_bucket) for statement in _many(document.get("Statement")))
    )


def _lets(statement: Any, sender: str, raw_bucket: str) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if not any(action.lower() in _SENDING for action in _many(statement.get("Action"))):
        return False
    if not {"*", sender} & set(_principals(statement.get("Principal"))):
        return False
    # arn:aws:s3:::bucket
    sources = [arn.rpartition(":")[2] for arn in _sources(statement.get("Condition", {}))]
    return sender != SENDERS[0] or not sources or any(fnmatchcase(raw_bucket, source) for source in sources)


def _principals(principal: Any) -> Iterator[str]:
    if isinstance(principal, dict):
        for names in principal.values():
            yield from _many(names)
    else:
        yield from _many(principal)


def _sources(condition: Any) -> Iterator[str]:
    for wanted in condition.values():
        for key, values in wanted.items():
            if key.lower() == "aws:sourcearn":
                yield from _many(values)


def _many(one_or_more: Any) -> list[Any]:
    """IAM writes one for a list of one."""
    if one_or_more is None:
        return []
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]
