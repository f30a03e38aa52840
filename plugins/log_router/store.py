"""S3: raw objects are listed and read, everything written goes to the staging bucket."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from io import BufferedIOBase
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from log_router.core.batches import Batch, RawObject
from log_router.core.catalog import Catalog
from log_router.core.decompress import BLOCK_BYTES, decompress
from log_router.core.deliveries import Deliveries
from log_router.core.errors import BrokenObject, LogRouterError, Refused, WillPass
from log_router.core.manifests import ChunkReport, Manifest, Part
from log_router.core.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Error codes of the Amazon S3 API Reference, "Error responses".
_VANISHED = {"NoSuchKey", "404", "NoSuchVersion"}
_CHANGED = {"PreconditionFailed", "412"}
_DENIED = {"AccessDenied", "403", "Forbidden", "AllAccessDisabled"}
_ARCHIVED = {"InvalidObjectState"}
_PASSING = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "500", "503"}
# Of which some may be "folder" objects.
_FIRST_KEYS = 10
# Requests for reports: as many as the client keeps connections.
_AT_ONCE = 10


@dataclass(frozen=True)
class Store:
    """The raw bucket, read only, and the staging bucket."""

    client: "S3Client"
    settings: Settings

    def list_raw(self, prefix: str) -> tuple[RawObject, ...]:
        """Return the raw objects below a prefix, by key; empty "folder" objects are left out.

        Raises:
            Refused: the bucket does not exist or may not be listed.
            WillPass: S3 can't be reached or throttles.
        """
        with self._listing(prefix) as bucket:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return tuple(raw for page in pages for raw in self._raws(page))

    def first_raw(self, prefix: str = "") -> RawObject | None:
        """Return a raw object below a prefix, by one request; None where the first keys hold none.

        Raises:
            Refused, WillPass: as `list_raw`.
        """
        with self._listing(prefix) as bucket:
            page = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_FIRST_KEYS)
            return next(self._raws(page), None)

    @contextmanager
    def _listing(self, prefix: str) -> Iterator[str]:
        bucket = self.settings.raw_bucket
        with s3_errors(f"listing s3://{bucket}/{prefix}", "grant s3:ListBucket on it"):
            yield bucket

    def _raws(self, page: Mapping[str, Any]) -> Iterator[RawObject]:
        for entry in page.get("Contents", []):
            if not (entry["Key"].endswith("/") and entry["Size"] == 0):
                yield self._raw(entry["Key"], entry["Size"], entry)

    def _raw(self, key: str, size: int, answer: Mapping[str, Any]) -> RawObject:
        etag, written_at = answer["ETag"].strip('"'), answer["LastModified"].astimezone(UTC)
        return RawObject(self.settings.raw_bucket, key, etag, size, written_at)

    def see_staging(self) -> None:
        """Return when messages can be written down.

        Raises:
            Refused, WillPass: as `put`.
        """
        self.put(self.staging_key("notices", "probe"), b"")

    def head_raw(self, key: str) -> RawObject | None:
        """Return the raw object that a key holds now, as `list_raw` would; None for an empty "folder" object.

        Raises:
            BrokenObject: it vanished, or may not be read.
            WillPass: S3 can't be reached or throttles.
        """
        bucket = self.settings.raw_bucket
        with _raw_errors(f"s3://{bucket}/{key}"):
            answer = self.client.head_object(Bucket=bucket, Key=key)
        if key.endswith("/") and answer["ContentLength"] == 0:
            return None
        return self._raw(key, answer["ContentLength"], answer)

    def read_raw(self, raw: RawObject) -> Iterator[bytes]:
        """Yield the plain bytes of a raw object, exactly the version that was planned.

        Raises:
            BrokenObject: it vanished, changed, may not be read, can't be recorded, or its compressed data is broken.
            WillPass: S3 can't be reached or throttles.
        """
        if "\0" in raw.key:
            why = "its key holds U+0000, which Redshift takes in no text; have the producer write it under another"
            raise BrokenObject("unrecordable", f"{raw.url!r}: {why}")
        with _raw_errors(raw.url), self._open_raw(raw) as stream:
            yield from decompress(stream)

    def _open_raw(self, raw: RawObject) -> BufferedIOBase:
        import smart_open.s3  # noqa: PLC0415 - only the split reads raw objects

        # By bucket and key: a URL would lose tabs, line feeds and what looks like a query.
        return smart_open.s3.open(
            raw.bucket,
            raw.key,
            "rb",
            client=self.client,
            buffer_size=BLOCK_BYTES,
            client_kwargs={"S3.Client.get_object": {"IfMatch": f'"{raw.etag}"'}},
        )

    def staging_key(self, kind: str, *parts: str) -> str:
        """Return the staging key of a document: what it is, then what it belongs to."""
        return self.settings.staging_prefix + "/".join((kind, *parts))

    def staging_url(self, key: str) -> str:
        """Return a staging key as s3:// URL."""
        return f"s3://{self.settings.staging_bucket}/{key}"

    def put(self, key: str, body: bytes | IO[bytes]) -> None:
        """Write one staging object in one request: whole or not at all, and no upload stays open."""
        bucket = self.settings.staging_bucket
        with s3_errors(f"writing s3://{bucket}/{key}", "grant s3:PutObject on the staging prefix"):
            self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """Return one staging object."""
        bucket = self.settings.staging_bucket
        with s3_errors(f"reading s3://{bucket}/{key}", "grant s3:GetObject on the staging prefix"):
            return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def rows_of(self, part: Part) -> Iterator[bytes]:
        """Yield the rows of a part, without their line ends."""
        with s3_errors(f"reading {part.url}", "grant s3:GetObject on the staging prefix"):
            key = part.url.removeprefix(self.staging_url(""))
            answer = self.client.get_object(Bucket=self.settings.staging_bucket, Key=key)
            rest = b""
            for block in decompress(answer["Body"]):
                *rows, rest = (rest + block).split(b"\n")
                yield from rows

    def put_batch(self, batch: Batch, catalog: Catalog) -> str:
        """Write a batch and the catalog that splits it; return the batch's key."""
        self.put(self.staging_key("configs", f"{batch.config_hash}.json"), catalog.to_json())
        key = self.staging_key("batches", f"{batch.batch_id}.json")
        self.put(key, batch.to_json())
        return key

    def get_batch(self, key: str) -> tuple[Batch, Catalog]:
        """Return a batch and the catalog it was planned with."""
        batch = Batch.from_json(self.get(key))
        config = self.get(self.staging_key("configs", f"{batch.config_hash}.json"))
        return batch, Catalog.from_json(config)

    def put_deliveries(self, notices_key: str, deliveries: Deliveries) -> str:
        """Write what a run's messages tell of, beside the messages themselves; return the key."""
        key = self.staging_key("deliveries", notices_key.rpartition("/")[2])
        self.put(key, deliveries.to_json())
        return key

    def put_report(self, batch: Batch, chunk: int, report: ChunkReport) -> str:
        """Write what a split task made of its chunk; return the key.

        The key is that of the content: a try that was given up for lost and ends late replaces nothing that the
        tasks behind have read, and will read again.
        """
        document = report.to_json()
        digest = hashlib.blake2b(document, digest_size=8).hexdigest()
        key = self.staging_key("reports", batch.batch_id, f"{chunk:05d}-{digest}.json")
        self.put(key, document)
        return key

    def get_report(self, key: str) -> ChunkReport:
        """Return what a split task made of its chunk."""
        return ChunkReport.from_json(self.get(key))

    def get_reports(self, keys: Iterable[str]) -> list[ChunkReport]:
        """Return what split tasks made of their chunks, several requested at a time."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self.get_report, keys))

    def put_manifest(self, manifest: Manifest) -> str:
        """Write an event's manifest for COPY and, beside it, what the load checks; return the latter's key."""
        self.put(self._manifest_key(manifest), manifest.to_json())
        key = self.staging_key("loads", manifest.batch_id, f"{manifest.event}.json")
        self.put(key, manifest.to_load())
        return key

    def manifest_url(self, manifest: Manifest) -> str:
        """Return the s3:// URL of an event's manifest."""
        return self.staging_url(self._manifest_key(manifest))

    def _manifest_key(self, manifest: Manifest) -> str:
        # One with lines isolated has a key of its own: whoever reads the former load document finds its manifest.
        name = f"{manifest.event}/{manifest.isolation}" if manifest.isolation else manifest.event
        return self.staging_key("manifests", manifest.batch_id, f"{name}.json")

    def parts_url(self, manifest: Manifest) -> str:
        """Return what the s3:// URLs of an event's parts start with."""
        return self.staging_url(self.staging_key("parts", manifest.batch_id, manifest.event, ""))


@contextmanager
def s3_errors(doing: str, remedy: str) -> Iterator[None]:
    """Turn what S3 answers, or that it can't be reached, into Refused and WillPass."""
    try:
        yield
    except ClientError as error:
        raise _answered(error, doing, remedy) from error
    except (HTTPClientError, BotoConnectionError, IncompleteReadError) as error:
        raise WillPass(
            f"{doing}: S3 can't be reached: {error}; check the network and the endpoint"
        ) from error
    except FlexibleChecksumError as error:
        raise WillPass(f"{doing}: what came is not what was stored: {error}") from error
    except BotoCoreError as error:
        raise Refused(f"{doing}: {error}; check the AWS connection") from error


def _answered(error: ClientError, doing: str, remedy: str) -> LogRouterError:
    code, text = _code(error), f"{doing}: S3 answered {_code(error)}: {error}"
    if code in _PASSING:
        return WillPass(text)
    if code in ("NoSuchBucket", "InvalidBucketName"):
        remedy = "create the bucket or correct its name in the settings"
    elif code in _VANISHED:
        remedy = "it was deleted: run the hour again"
    elif code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"):
        remedy = "check the AWS connection's credentials"
    return Refused(f"{text}; {remedy}")


@contextmanager
def _raw_errors(url: str) -> Iterator[None]:
    """Turn what S3 and the codecs say of one raw object into a BrokenObject that names it."""
    doing = f"reading {url}"
    try:
        with s3_errors(doing, "check the raw bucket"):
            yield
    except BrokenObject as error:
        raise BrokenObject(error.reason, f"{url}: {error}") from error
    except Refused as error:
        cause = error.__cause__
        broken = _broken(url, cause) if isinstance(cause, ClientError) else None
        raise broken or error from error
    except OSError as error:
        # smart_open wraps what S3 answered when an object can't be opened.
        answer = getattr(error, "backend_error", None)
        if isinstance(answer, ClientError):
            raise _broken(url, answer) or _answered(answer, doing, "check the raw bucket") from error
        raise WillPass(f"{doing}: the connection was lost: {error}") from error


def _broken(url: str, answer: ClientError) -> BrokenObject | None:
    code = _code(answer)
    for reason, codes, remedy in (
        ("vanished", _VANISHED, "it was deleted meanwhile: restore it"),
        ("changed", _CHANGED, "it was overwritten meanwhile: run again to plan the new version"),
        ("access_denied", _DENIED, "grant s3:GetObject (and kms:Decrypt where it is encrypted) on it"),
        ("archived", _ARCHIVED, "it is in an archive storage class: restore it first"),
    ):
        if code in codes:
            return BrokenObject(reason, f"{url}: S3 answered {code}; {remedy}")
    return None


def _code(error: ClientError) -> str:
    details: Any = error.response.get("Error", {})
    return str(details.get("Code", ""))
