"""The staging bucket as housekeeping sees it: what is in it, and what is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from log_router.core.errors import Refused
from log_router.store import Store, s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

# Amazon S3 API Reference, "DeleteObjects".
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True)
class StagingFile:
    """One object of the staging bucket: its size in bytes, and when it was written."""

    key: str
    size: int
    modified: datetime

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class Upload:
    """One multipart upload that was begun and not ended."""

    key: str
    upload_id: str
    initiated: datetime


@dataclass(frozen=True)
class Staging:
    """The staging bucket, to be listed and cleaned."""

    store: Store

    def files(self, prefix: str) -> list[StagingFile]:
        """Return the staging objects below a prefix, by key."""
        bucket = self.store.settings.staging_bucket
        with s3_errors(f"listing s3://{bucket}/{prefix}", "grant s3:ListBucket on it"):
            pages = self.store.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [
                StagingFile(entry["Key"], entry["Size"], entry["LastModified"])
                for page in pages
                for entry in page.get("Contents", [])
            ]

    def delete(self, files: Sequence[StagingFile]) -> None:
        """Delete staging objects; one that is gone already is no error."""
        bucket = self.store.settings.staging_bucket
        doing, remedy = f"deleting in s3://{bucket}", "grant s3:DeleteObject on the staging prefix"
        for start in range(0, len(files), _DELETED_AT_ONCE):
            some = files[start : start + _DELETED_AT_ONCE]
            keys: list[ObjectIdentifierTypeDef] = [{"Key": file.key} for file in some]
            with s3_errors(doing, remedy):
                answer = self.store.client.delete_objects(
                    Bucket=bucket, Delete={"Objects": keys, "Quiet": True}
                )
            for error in answer.get("Errors", []):
                raise Refused(f"{doing}: {error.get('Key')}: S3 answered {error.get('Code')}; {remedy}")

    def uploads(self) -> list[Upload]:
        """Return the multipart uploads below the staging prefix that were begun and not ended."""
        bucket, prefix = self.store.settings.staging_bucket, self.store.settings.staging_prefix
        with s3_errors(f"listing uploads of s3://{bucket}", "grant s3:ListBucketMultipartUploads on it"):
            pages = self.store.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Prefix=prefix
            )
            return [
                Upload(entry["Key"], entry["UploadId"], entry["Initiated"])
                for page in pages
                for entry in page.get("Uploads", [])
            ]

    def abort(self, upload: Upload) -> None:
        """End a multipart upload; its parts are gone."""
        bucket = self.store.settings.staging_bucket
        with s3_errors(f"aborting the upload of s3://{bucket}/{upload.key}", "grant s3:AbortMultipartUpload"):
            self.store.client.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.upload_id)
