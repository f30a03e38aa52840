"""Where generated objects go: a folder, an S3 bucket, or standard output."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError


class StoreError(Exception):
    """An object could not be kept; the text says where and what to do."""


class Store(Protocol):
    """Takes whole objects by their keys."""

    def put(self, key: str, blocks: Iterator[bytes]) -> None:
        """Keep the blocks as one object; nothing is kept when reading them fails."""


class Folder:
    """Objects as files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, blocks: Iterator[bytes]) -> None:
        """Write the file; it has its name only once it is whole."""
        file = self._root / key
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.unfinished")
        with unfinished.open("wb") as target:
            target.writelines(blocks)
        unfinished.replace(file)


class Bucket:
    """Objects in S3 below a prefix, `s3://bucket/prefix`. The bucket must exist."""

    def __init__(self, url: str, endpoint_url: str | None) -> None:
        parts = urlsplit(url)
        self._bucket, self._prefix = parts.netloc, parts.path.lstrip("/")
        self._client = boto3.client("s3", endpoint_url=endpoint_url)

    def put(self, key: str, blocks: Iterator[bytes]) -> None:
        """Upload the object by way of a temporary file, so that memory stays small."""
        with tempfile.TemporaryFile() as whole:
            whole.writelines(blocks)
            whole.seek(0)
            try:
                self._client.upload_fileobj(whole, self._bucket, self._prefix + key)
            except (Boto3Error, BotoCoreError, ClientError) as error:
                raise StoreError(
                    f"s3://{self._bucket}/{self._prefix}{key}: {error}; "
                    "check that the bucket exists, the credentials and --endpoint-url"
                ) from error


class StandardOutput:
    """All objects, one after the other."""

    def put(self, key: str, blocks: Iterator[bytes]) -> None:  # noqa: ARG002 - a stream has no keys
        """Write the object's bytes."""
        sys.stdout.buffer.writelines(blocks)


def store(target: str, endpoint_url: str | None) -> Store:
    """Return the store that `target` names: `s3://bucket/prefix`, `-`, or a folder."""
    if target == "-":
        return StandardOutput()
    if target.startswith("s3://"):
        return Bucket(target, endpoint_url)
    return Folder(Path(target))
