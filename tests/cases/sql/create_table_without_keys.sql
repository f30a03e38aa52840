CREATE TABLE IF NOT EXISTS "marketplace"."order_placed" (
    "order" NUMERIC(12,2) ENCODE AZ64,
    "_lr_object" CHAR(32) NOT NULL ENCODE ZSTD,
    "_lr_line" BIGINT NOT NULL ENCODE AZ64,
    "_lr_batch" VARCHAR(64) NOT NULL ENCODE ZSTD
)
DISTSTYLE AUTO
