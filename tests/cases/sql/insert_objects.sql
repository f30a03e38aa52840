INSERT INTO "log_router"."objects" (
    "object_id", "bucket", "object_key", "etag", "size_bytes", "batch_id",
    "lines", "rows_split", "quarantined", "unrouted", "blank", "written_at"
)
VALUES
    ('00000000000000000000000000000000', 'raw', 'raw/2026/x y.gz', 'etag', 10, 'batch', 6, 3, 1, 2, 0, TIMESTAMP '2026-01-31 13:00:07.250000'),
    ('ffffffffffffffffffffffffffffffff', 'raw', 'raw/2026/y.gz', 'etag', 10, 'batch', 6, 3, 1, 2, 0, NULL)
