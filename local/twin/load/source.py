"""The objects a COPY reads: found by manifest or prefix, streamed and decompressed."""

from __future__ import annotations

import bz2
import dataclasses
import json
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

import boto3
from backports import zstd
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from isal import igzip

from local.twin.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from local.twin.load.command import CopyCommand

_CHUNK = 1 << 20
_MAX_MANIFEST = 64 * 1024 * 1024
_MISSING = ("NoSuchKey", "NoSuchBucket", "404")
_BROKEN = (OSError, EOFError, zlib.error, zstd.ZstdError)


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """An object to load."""

    bucket: str
    key: str

    @property
    def url(self) -> str:
        """The object's address."""
        return f"s3://{self.bucket}/{self.key}"


def client(endpoint: str, region: str) -> S3Client:
    """Return an S3 client for the local server, with the keys of the environment."""
    # An address can't carry a bucket's name in front of it, and loopback needs no proxy.
    config = Config(
        s3={"addressing_style": "path"}, proxies={}, retries={"max_attempts": 3}, max_pool_connections=50
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name=region, config=config)


class Source:
    """Reads from S3 for COPY, and says its errors as Redshift does."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def files(self, command: CopyCommand) -> list[SourceFile]:
        """Return the objects which the command names, in order, a file listed twice twice."""
        bucket, _, key = command.url.removeprefix("s3://").partition("/")
        return self._listed(bucket, key) if command.manifest else self._found(bucket, key)

    def _found(self, bucket: str, prefix: str) -> list[SourceFile]:
        found = []
        try:
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                found += [SourceFile(bucket, entry["Key"]) for entry in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(error) from error
        if not found:
            raise TwinError(f"The specified S3 prefix '{prefix}' does not exist")
        return found

    def _listed(self, bucket: str, key: str) -> list[SourceFile]:
        url = f"s3://{bucket}/{key}"
        try:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
            entries = _entries(json.loads(body.read(_MAX_MANIFEST)))
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(error, f"Problem reading manifest file - {_s3_error(error).message}") from error
        except ValueError as error:
            raise TwinError(f"Problem reading manifest file - {url}: {error}") from error
        return [found for entry in entries if (found := self._checked(entry)) is not None]

    def _checked(self, entry: dict[str, Any]) -> SourceFile | None:
        bucket, _, key = entry["url"].removeprefix("s3://").partition("/")
        try:
            size = self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                if not entry.get("mandatory", False):
                    return None
                raise TwinError(
                    "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey",
                    detail=f"The manifest names {entry['url']} as mandatory.",
                ) from error
            raise _s3_error(error) from error
        except BotoCoreError as error:
            raise _s3_error(error) from error
        expected = (entry.get("meta") or {}).get("content_length")
        if expected is not None and expected != size:
            raise TwinError(
                f"File {entry['url']} has an unexpected size: {size} bytes, the manifest says {expected}"
            )
        return SourceFile(bucket, key)

    def chunks(self, file: SourceFile, compression: str) -> Iterator[bytes]:
        """Yield an object's decompressed bytes; raises `TwinError` where it is broken."""
        try:
            body = self._s3.get_object(Bucket=file.bucket, Key=file.key)["Body"]
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(error) from error
        try:
            with _decompressed(cast("IO[bytes]", body), compression) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except BotoCoreError as error:
            raise _s3_error(error) from error
        except _BROKEN as error:
            raise TwinError(
                f"Failed to decompress {file.url} ({compression.upper() or 'plain'}): {error}",
                detail="The file is not what the COPY's options say, or it is cut.",
            ) from error
        finally:
            body.close()


def _entries(manifest: Any) -> list[dict[str, Any]]:
    entries = manifest.get("entries") if isinstance(manifest, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ValueError("no entries")
    for entry in entries:
        url = entry.get("url") if isinstance(entry, dict) else None
        if not isinstance(url, str) or not url.startswith("s3://"):
            raise ValueError(f"an entry has no s3:// url: {entry}")
        if not isinstance(entry.get("mandatory", False), bool):
            raise ValueError(f"`mandatory` is not a boolean: {entry}")  # noqa: TRY004 - a fault of the file's content
    return entries


def _decompressed(body: IO[bytes], compression: str) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", igzip.IGzipFile(fileobj=body, mode="rb"))  # type: ignore[no-untyped-call]
    if compression == "zstd":
        return cast("IO[bytes]", zstd.ZstdFile(body, mode="rb"))
    if compression == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(body, mode="rb"))
    return body


def _s3_error(error: ClientError | BotoCoreError, message: str = "") -> TwinError:
    if not isinstance(error, ClientError):
        return TwinError(message or f"S3ServiceException:{error}")
    said = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"S3ServiceException:{said.get('Message', '')},Status {status},Error {said.get('Code', '')}"
    return TwinError(message or text)
