SELECT
    "object_id", "bucket", "object_key", "etag", "size_bytes", "batch_id",
    "lines", "rows_split", "quarantined", "unrouted", "blank", "settled_at", "written_at"
FROM "log_router"."objects"
WHERE "object_key" IN ('it''s', 'b')
