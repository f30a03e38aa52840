CREATE TABLE IF NOT EXISTS {{ schema | ident }}.{{ ledger | ident }} (
    "object_id" CHAR(32) NOT NULL ENCODE ZSTD,
    "batch_id" VARCHAR(64) NOT NULL ENCODE ZSTD,
    "config_hash" CHAR(16) NOT NULL ENCODE ZSTD,
    "rows_loaded" BIGINT NOT NULL ENCODE AZ64,
    "rows_dropped" BIGINT NOT NULL DEFAULT 0 ENCODE AZ64,
    "rows_refused" BIGINT NOT NULL DEFAULT 0 ENCODE AZ64,
    "loaded_at" TIMESTAMP NOT NULL DEFAULT GETDATE() ENCODE AZ64
)
DISTSTYLE ALL
SORTKEY ("object_id")
