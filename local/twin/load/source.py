"""The objects a COPY reads: found by manifest or prefix, streamed and decompressed."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import io
import re
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

import boto3
import msgspec
from backports import zstd
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from isal import igzip

from local.twin.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

    from local.twin.load.command import CopyCommand

_CHUNK = 1 << 20
# A manifest or a JSONPaths file, which are read whole.
_MAX_CONTROL_FILE = 64 * 1024 * 1024
_OBJECT = re.compile("s3://[^/]+/.", re.DOTALL)
_MISSING = ("NoSuchKey", "NoSuchBucket", "404")
_BROKEN = (OSError, EOFError, zlib.error, zstd.ZstdError)


class S3Error(TwinError):
    """What S3 refused, and where."""

    def __init__(self, bucket: str, key: str, message: str, *, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.bucket = bucket
        self.key = key


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """An object to load."""

    bucket: str
    key: str

    @classmethod
    def of(cls, url: str) -> SourceFile:
        """Return the object of an s3:// address."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return cls(bucket, key)

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

    def __init__(self, s3: S3Client, region: str) -> None:
        self._s3 = s3
        self._region = region

    def files(self, command: CopyCommand, wanted: Callable[[], None]) -> list[SourceFile]:
        """Return the objects which the command names, in order, a file listed twice twice.

        `wanted` is asked between the questions to S3, and raises to stop.
        """
        place = SourceFile.of(command.url)
        region = command.region or self._region
        self._check_region(place, region)
        if not command.manifest:
            return self._found(place, wanted)
        return self._listed(place, region, wanted)

    def whole(self, url: str) -> bytes:
        """Return a file that steers the load: a manifest or JSONPaths."""
        file = SourceFile.of(url)
        try:
            return self._s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read(_MAX_CONTROL_FILE)
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(file, error) from error

    def _check_region(self, place: SourceFile, region: str) -> None:
        """Raise unless the bucket is where COPY looks for it: in the cluster's region or the REGION given."""
        try:
            # of the oldest region S3 gives no name
            found = self._s3.get_bucket_location(Bucket=place.bucket).get("LocationConstraint") or "us-east-1"
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(place, error) from error
        if found != region:
            raise S3Error(
                place.bucket,
                place.key,
                "S3ServiceException:The bucket you are attempting to access must be addressed using the specified"
                " endpoint. Please send all future requests to this endpoint.,Status 301,Error PermanentRedirect",
                detail=f"The bucket {place.bucket} is in {found}, COPY reads from {region}: name it by REGION.",
            )

    def _found(self, place: SourceFile, wanted: Callable[[], None]) -> list[SourceFile]:
        found = []
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
        try:
            for page in pages:
                wanted()
                found += [SourceFile(place.bucket, entry["Key"]) for entry in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(place, error) from error
        if not found:
            raise TwinError(f"The specified S3 prefix '{place.key}' does not exist")
        return found

    def _listed(self, place: SourceFile, region: str, wanted: Callable[[], None]) -> list[SourceFile]:
        if not place.key or place.key.endswith("/"):
            raise TwinError("COPY with MANIFEST parameter requires full path of an S3 object.")
        try:
            entries = _entries(msgspec.json.decode(self.whole(place.url)))
        except S3Error as error:
            problem = f"Problem reading manifest file - {error.message}"
            raise S3Error(place.bucket, place.key, problem) from error
        except (ValueError, RecursionError) as error:
            raise TwinError(f"Problem reading manifest file - {place.url}: {error}") from error
        for file in {
            file.bucket: file for file in (SourceFile.of(entry["url"]) for entry in entries)
        }.values():
            self._check_region(file, region)
        listed = []
        for entry in entries:
            wanted()
            listed += self._checked(entry)
        if not listed:
            raise TwinError(f"Problem reading manifest file - {place.url}: none of its files exists")
        return listed

    def _checked(self, entry: dict[str, Any]) -> list[SourceFile]:
        """Return a manifest's file; nothing for one that is missing and need not be there."""
        file = SourceFile.of(entry["url"])
        try:
            size = self._s3.head_object(Bucket=file.bucket, Key=file.key)["ContentLength"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _MISSING:
                raise _s3_error(file, error) from error
            if not entry.get("mandatory", False):
                return []
            raise S3Error(
                file.bucket,
                file.key,
                "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey",
                detail=f"The manifest names {file.url} as mandatory.",
            ) from error
        except BotoCoreError as error:
            raise _s3_error(file, error) from error
        expected = entry.get("meta", {}).get("content_length")
        if expected is not None and expected != size:
            raise TwinError(
                f"File {file.url} has an unexpected size: {size} bytes, the manifest says {expected}"
            )
        return [file]

    def chunks(self, file: SourceFile, compression: str) -> Iterator[bytes]:
        """Yield an object's decompressed bytes; raises `TwinError` where it is broken."""
        try:
            answer = self._s3.get_object(Bucket=file.bucket, Key=file.key)
        except (ClientError, BotoCoreError) as error:
            raise _s3_error(file, error) from error
        body = answer["Body"]
        if not answer["ContentLength"]:
            # such as the mark of a folder, which no compression ever wrote
            return
        try:
            # a body that is entered is urllib3's, which does not say that it was cut
            with contextlib.closing(_decompressed(cast("IO[bytes]", body), compression)) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except BotoCoreError as error:
            raise _s3_error(file, error) from error
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
        if not isinstance(url, str) or not _OBJECT.match(url):
            raise ValueError(f"an entry has no url of an object, s3://bucket/key: {entry}")
        if not isinstance(entry.get("mandatory", False), bool):
            raise ValueError(f"`mandatory` is not a boolean: {entry}")  # noqa: TRY004 - a fault of the file's content
        meta = entry.get("meta", {})
        if not isinstance(meta, dict) or type(meta.get("content_length", 0)) is not int:
            raise ValueError(f"`meta` is no object with a whole number as `content_length`: {entry}")
    return entries


class _Bzip2(io.RawIOBase):
    """Streams of bzip2 one after the other; what is none raises, where Python's own reader would leave it out."""

    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        self._stream = bz2.BZ2Decompressor()

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes, none at the end of the last stream."""
        while True:
            packed = self._stream.unused_data
            if self._stream.eof:
                packed = packed or self._body.read(_CHUNK)
                if not packed:
                    return b""
                self._stream = bz2.BZ2Decompressor()
            elif self._stream.needs_input:
                packed = self._body.read(_CHUNK)
                if not packed:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            if unpacked := self._stream.decompress(packed, size):
                return unpacked


def _decompressed(body: IO[bytes], compression: str) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", igzip.IGzipFile(fileobj=body, mode="rb"))  # type: ignore[no-untyped-call]
    if compression == "zstd":
        return cast("IO[bytes]", zstd.ZstdFile(body, mode="rb"))
    if compression == "bzip2":
        return cast("IO[bytes]", _Bzip2(body))
    return body


def _s3_error(file: SourceFile, error: ClientError | BotoCoreError) -> S3Error:
    if isinstance(error, ParamValidationError):
        # what S3 would never see: botocore knows names of buckets that can't be
        return S3Error(
            file.bucket,
            file.key,
            "S3ServiceException:The specified bucket is not valid.,Status 400,Error InvalidBucketName",
            detail=f"{file.url} names no bucket or key that S3 could have.",
        )
    if not isinstance(error, ClientError):
        return S3Error(file.bucket, file.key, f"S3ServiceException:{error}")
    said = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"S3ServiceException:{said.get('Message', '')},Status {status},Error {said.get('Code', '')}"
    return S3Error(file.bucket, file.key, text)
