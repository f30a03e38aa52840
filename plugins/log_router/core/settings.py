"""Site-wide settings: one file, overridden key by key by an Airflow Variable and by the environment."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from log_router.core import paths
from log_router.core.events import Lines, Number, Share, Strict, TableName, texts

ENVIRONMENT_PREFIX = "LOG_ROUTER_"
# What belongs to the DAGs' shape, so that no Variable can change it.
SHAPE = frozenset(("split_pool", "copy_pool", "split_queue", "copy_queue", "stream_dags", "bulk_hours"))
MIB = 1024 * 1024
# S3 bucket naming rules, Amazon S3 User Guide, "General purpose bucket naming rules".
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_ROLE = re.compile(
    r"default|arn:[a-z-]+:iam::[0-9]{12}:role/[^\s',]+(,arn:[a-z-]+:iam::[0-9]{12}:role/[^\s',]+)*"
)
# Hours that a template must tell apart: of days, months and years whose numbers are short and long, and begin alike.
_HOURS = tuple(
    datetime(year, month, day, hour, tzinfo=UTC)
    for year in (2026, 2027)
    for month in (1, 2, 10, 11, 12)
    for day in (1, 2, 3, 10, 11, 12, 13, 20, 21, 22)
    for hour in range(24)
)


@cache  # twenty milliseconds, and a task reads its settings several times
def _several_hours(template: str) -> str:
    """Return how the prefix of one hour matches objects of another, or nothing where none does."""
    prefixes = sorted((hour.strftime(template), hour) for hour in _HOURS)
    for (one, hour), (other, another) in pairwise(prefixes):
        if other.startswith(one):
            return (
                f"`{template}` does not name one hour: the prefix of {hour:%Y-%m-%d %H}:00, `{one}`, also "
                f"matches objects of {another:%Y-%m-%d %H}:00; "
                "write a strftime template that tells all hours apart, such as `raw/%Y/%m/%d/%H/`"
            )
    return ""


class Settings(Strict):
    """Where the raw objects are, where staging and tables go, and how big the pieces are.

    `raw_prefix` is a strftime template in UTC that names one hour. Sizes are in bytes, times in seconds. The two pools
    are those of hourly runs; the other lanes' are named after them (see lanes).
    """

    raw_bucket: Annotated[str, Field(pattern=_BUCKET)]
    raw_prefix: str
    event_key: Annotated[str | tuple[str, ...], texts("the event key")]
    staging_bucket: Annotated[str, Field(pattern=_BUCKET)]
    staging_prefix: str = "log-router/"
    table_schema: TableName = Field(alias="schema")
    ledger_schema: TableName = "log_router"
    iam_role: str = "default"
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None
    aws_conn_id: str = "aws_default"
    redshift_conn_id: str = "redshift_default"
    mask_conn_id: str = "log_router_mask"
    split_pool: str = "log_router_split"
    copy_pool: str = "log_router_copy"
    split_queue: str | None = None
    copy_queue: str | None = None
    grace_seconds: Annotated[Number, Field(ge=0, le=7 * 24 * 3600)] = 300
    lookback_hours: Annotated[Number, Field(ge=0, le=7 * 24)] = 3
    bulk_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24] = 24
    queue_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+/[0-9]+/[A-Za-z0-9_-]{1,80}$")] | None = None
    stream_dags: Annotated[Number, Field(ge=1, le=16)] = 1
    stream_max_messages: Annotated[Number, Field(ge=1, le=10_000)] = 1000
    stream_max_seconds: Annotated[Number, Field(ge=0, le=300)] = 3
    # SQS keeps a message invisible for twelve hours at most.
    stream_hold_seconds: Annotated[Number, Field(ge=10, le=12 * 3600)] = 600
    stream_max_age_seconds: Annotated[Number, Field(ge=60)] | None = None
    compression: Literal["gzip", "zstd"] = "gzip"
    part_bytes: Annotated[Number, Field(ge=MIB, le=1024 * MIB)] = 64 * MIB
    chunk_bytes: Annotated[Number, Field(ge=MIB)] = 128 * MIB
    batch_bytes: Annotated[Number, Field(ge=MIB)] = 64 * 1024 * MIB
    # Airflow refuses to map a task over more than core.max_map_length, 1,024 by default.
    max_chunks: Annotated[Number, Field(ge=1, le=1024)] = 256
    max_line_bytes: Annotated[Number, Field(ge=1024, le=256 * MIB)] = 8 * MIB
    evolve: Literal["additive", "none"] = "additive"
    max_quarantined_share: Share = 0.01
    max_quarantined_lines: Lines | None = None
    # In milliseconds it must fit an integer of 32 bits.
    statement_timeout_seconds: Annotated[Number, Field(ge=1, le=2_147_483)] = 3600

    @field_validator("raw_prefix")
    @classmethod
    def _names_one_hour(cls, template: str) -> str:
        if re.search("%[-_0^#EO]*s", template.replace("%%", "")):
            raise ValueError(f"`{template}`: %s depends on the machine's time zone; write %Y, %m, %d and %H")
        if problem := _several_hours(template):
            raise ValueError(problem)
        return template

    @field_validator("event_key")
    @classmethod
    def _is_a_path(cls, written: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not written:
            raise ValueError("it is empty; write the path of the event type, such as `event`")
        for path in (written,) if isinstance(written, str) else written:
            paths.parse(path)
        return written

    @field_validator("staging_prefix")
    @classmethod
    def _ends_a_folder(cls, prefix: str) -> str:
        if prefix and (prefix.startswith("/") or not prefix.endswith("/")):
            raise ValueError(
                f"`{prefix}` must end with / and not start with it; write `{prefix.strip('/')}/`"
            )
        return prefix

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        if self.raw_bucket == self.staging_bucket:
            raise ValueError(
                f"raw_bucket and staging_bucket are both `{self.raw_bucket}`: nothing is ever written to the raw "
                "bucket; give staging a bucket of its own"
            )
        if self.table_schema == self.ledger_schema:
            raise ValueError(
                f"schema and ledger_schema are both `{self.table_schema}`: an event could take the name of a "
                "ledger table; give the ledger a schema of its own"
            )
        return self

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
