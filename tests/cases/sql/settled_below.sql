SELECT
    "object_id", "bucket", "object_key", "etag", "size_bytes", "batch_id",
    "lines", "rows_split", "quarantined", "unrouted", "blank", "settled_at", "written_at"
FROM "log_router"."objects"
WHERE
    "bucket" = 'raw'
    AND (
        LEFT("object_key", 7) = 'raw/13/'
        OR LEFT("object_key", 8) = 'it''s/14/'
    )
