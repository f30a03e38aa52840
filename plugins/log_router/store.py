"""S3: raw objects are listed and read, everything written goes to the staging bucket."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
        bucket = self.settings.raw_bucket
        found: list[RawObject] = []
        with s3_errors(f"listing s3://{bucket}/{prefix}", "grant s3:ListBucket on it"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                found.extend(
                    RawObject(bucket, entry["Key"], entry["ETag"].strip('"'), entry["Size"])
                    for entry in page.get("Contents", [])
                    if not (entry["Key"].endswith("/") and entry["Size"] == 0)
                )
        return tuple(found)

    def read_raw(self, raw: RawObject) -> Iterator[bytes]:
        """Yield the plain bytes of a raw object, exactly the version that was planned.

        Raises:
            BrokenObject: it vanished, changed, may not be read, or its compressed data is broken.
            WillPass: S3 can't be reached or throttles.
        """
        with _raw_errors(raw), self._open_raw(raw) as stream:
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
def _raw_errors(raw: RawObject) -> Iterator[None]:
    """Turn what S3 and the codecs say of one raw object into a BrokenObject that names it."""
    doing = f"reading {raw.url}"
    try:
        with s3_errors(doing, "check the raw bucket"):
            yield
    except BrokenObject as error:
        raise BrokenObject(error.reason, f"{raw.url}: {error}") from error
    except Refused as error:
        cause = error.__cause__
        broken = _broken(raw, cause) if isinstance(cause, ClientError) else None
        raise broken or error from error
    except OSError as error:
        # smart_open wraps what S3 answered when an object can't be opened.
        answer = getattr(error, "backend_error", None)
        if isinstance(answer, ClientError):
            raise _broken(raw, answer) or _answered(answer, doing, "check the raw bucket") from error
        raise WillPass(f"{doing}: the connection was lost: {error}") from error


def _broken(raw: RawObject, answer: ClientError) -> BrokenObject | None:
    code = _code(answer)
    for reason, codes, remedy in (
        ("vanished", _VANISHED, "it was deleted after it was listed: restore it"),
        ("changed", _CHANGED, "it was overwritten after it was listed: run again to plan the new version"),
        ("access_denied", _DENIED, "grant s3:GetObject (and kms:Decrypt where it is encrypted) on it"),
        ("archived", _ARCHIVED, "it is in an archive storage class: restore it first"),
    ):
        if code in codes:
            return BrokenObject(reason, f"{raw.url}: S3 answered {code}; {remedy}")
    return None


def _code(error: ClientError) -> str:
    details: Any = error.response.get("Error", {})
    return str(details.get("Code", ""))
