CREATE TABLE IF NOT EXISTS {{ schema | ident }}."object_events" (
    "object_id" CHAR(32) NOT NULL ENCODE ZSTD,
    "event" VARCHAR(256) ENCODE ZSTD,
    "event_type" VARCHAR(1024) ENCODE ZSTD,
    "rows_split" BIGINT NOT NULL ENCODE AZ64,
    "quarantined" BIGINT NOT NULL ENCODE AZ64,
    "unrouted" BIGINT NOT NULL ENCODE AZ64,
    "loaded_at" TIMESTAMP ENCODE AZ64,
    "lane" VARCHAR(16) ENCODE ZSTD
)
DISTSTYLE ALL
SORTKEY ("object_id")
