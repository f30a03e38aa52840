"""Which S3 operation an HTTP request is, and which ones a read-only bucket allows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

READING = frozenset(
    {"GetObject", "HeadObject", "ListObjects", "ListObjectsV2", "GetBucketLocation", "HeadBucket"}
)
_PLAIN = {
    ("GET", "Bucket"): "ListObjects",
    ("PUT", "Bucket"): "CreateBucket",
    ("POST", "Bucket"): "PostObject",
}
# What a key of the query makes of a request, the first one that it has; Amazon S3 API Reference, "Actions".
_BY_QUERY = {
    ("GET", "Bucket"): {"list-type": "ListObjectsV2", "uploads": "ListMultipartUploads"},
    ("POST", "Bucket"): {"delete": "DeleteObjects"},
    ("GET", "Object"): {"uploadId": "ListParts"},
    ("PUT", "Object"): {"uploadId": "UploadPart"},
    ("POST", "Object"): {"uploads": "CreateMultipartUpload", "uploadId": "CompleteMultipartUpload"},
    ("DELETE", "Object"): {"uploadId": "AbortMultipartUpload"},
}
# Keys of the query that only say how; any other one names a part of the bucket or object, such as its tagging.
_HOW = frozenset(
    (
        *("prefix", "delimiter", "marker", "max-keys", "encoding-type", "list-type", "continuation-token"),
        *("start-after", "fetch-owner", "versionId", "partNumber", "uploadId", "uploads", "delete", "x-id"),
    )
)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a request asks for: an operation, of SQS with an empty bucket, and the object's key, if it has one."""

    operation: str
    bucket: str
    key: str

    def __str__(self) -> str:
        """Return it for a person to read."""
        return f"{self.operation} s3://{self.bucket}/{self.key}"


def asked(method: str, target: str, headers: Mapping[str, str]) -> Asked:
    """Return what a request asks for; `headers` have lower-case names."""
    split = urlsplit(target)
    bucket, _, key = unquote(split.path).removeprefix("/").partition("/")
    if not bucket:
        service = headers.get("x-amz-target", "").rpartition(".")[2]
        return Asked(service or ("ListBuckets" if method == "GET" else "Other"), "", "")
    names = [name for name, _ in parse_qsl(split.query, keep_blank_values=True)]
    operation = _operation(method, "Object" if key else "Bucket", names)
    if "x-amz-copy-source" in headers:
        operation = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(operation, operation)
    return Asked(operation, bucket, key)


def _operation(method: str, kind: str, names: list[str]) -> str:
    named = _BY_QUERY.get((method, kind), {})
    parts = [name for name in names if name not in _HOW and not name.startswith(("response-", "X-Amz-"))]
    if parts:
        return f"{method.capitalize()}{kind}{parts[0].capitalize()}"
    for name in names:
        if name in named:
            return named[name]
    return _PLAIN.get((method, kind), f"{method.capitalize()}{kind}")
