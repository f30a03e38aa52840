"""Site-wide settings: one file, overridden key by key by an Airflow Variable and by the environment."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from log_router.core import paths
from log_router.core.events import Strict, TableName

ENVIRONMENT_PREFIX = "LOG_ROUTER_"
MIB = 1024 * 1024
# S3 bucket naming rules, Amazon S3 User Guide, "General purpose bucket naming rules".
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_ROLE = re.compile(
    r"default|arn:[a-z-]+:iam::[0-9]{12}:role/[^\s',]+(,arn:[a-z-]+:iam::[0-9]{12}:role/[^\s',]+)*"
)


class Settings(Strict):
    """Where the raw objects are, where staging and tables go, and how big the pieces are.

    `raw_prefix` is a strftime template in UTC that names one hour. Sizes are in bytes, times in seconds.
    """

    raw_bucket: Annotated[str, Field(pattern=_BUCKET)]
    raw_prefix: str
    event_key: Annotated[str, Field(min_length=1)]
    staging_bucket: Annotated[str, Field(pattern=_BUCKET)]
    staging_prefix: str = "log-router/"
    table_schema: TableName = Field(alias="schema")
    ledger_schema: TableName = "log_router"
    iam_role: str = "default"
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None
    aws_conn_id: str = "aws_default"
    redshift_conn_id: str = "redshift_default"
    split_pool: str = "log_router_split"
    copy_pool: str = "log_router_copy"
    grace_seconds: Annotated[int, Field(ge=0)] = 300
    compression: Literal["gzip", "zstd"] = "gzip"
    part_bytes: Annotated[int, Field(ge=MIB, le=1024 * MIB)] = 64 * MIB
    chunk_bytes: Annotated[int, Field(ge=MIB)] = 512 * MIB
    # Airflow refuses to map a task over more than core.max_map_length, 1,024 by default.
    max_chunks: Annotated[int, Field(ge=1, le=1024)] = 256
    max_line_bytes: Annotated[int, Field(ge=1024, le=256 * MIB)] = 16 * MIB
    statement_timeout_seconds: Annotated[int, Field(ge=1)] = 3600

    @field_validator("raw_prefix")
    @classmethod
    def _names_one_hour(cls, template: str) -> str:
        missing = [
            what
            for what, codes in (("year", "Yy"), ("month", "mbB"), ("day", "d"), ("hour", "H"))
            if not re.search(rf"%-?[{codes}]", template.replace("%%", "")) and "%s" not in template
        ]
        if missing:
            raise ValueError(
                f"`{template}` does not name one hour: it lacks the {', '.join(missing)}; "
                "write a strftime template such as `raw/%Y/%m/%d/%H/`"
            )
        return template

    @field_validator("event_key")
    @classmethod
    def _is_a_path(cls, written: str) -> str:
        paths.parse(written)
        return written

    @field_validator("staging_prefix")
    @classmethod
    def _ends_a_folder(cls, prefix: str) -> str:
        if prefix and (prefix.startswith("/") or not prefix.endswith("/")):
            raise ValueError(
                f"`{prefix}` must end with / and not start with it; write `{prefix.strip('/')}/`"
            )
        return prefix

    @field_validator("iam_role")
    @classmethod
    def _is_a_role(cls, role: str) -> str:
        if not _ROLE.fullmatch(role):
            raise ValueError(
                f"`{role}` is neither `default` nor a role ARN such as arn:aws:iam::123456789012:role/load"
            )
        return role


def environment_overrides(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that `environment` overrides: `LOG_ROUTER_RAW_BUCKET` gives `raw_bucket`."""
    keys = [field.alias or name for name, field in Settings.model_fields.items()]
    return {
        key: environment[ENVIRONMENT_PREFIX + key.upper()]
        for key in keys
        if ENVIRONMENT_PREFIX + key.upper() in environment
    }
