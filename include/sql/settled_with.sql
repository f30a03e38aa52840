SELECT
    "object_id", "bucket", "object_key", "etag", "size_bytes", "batch_id",
    "lines", "rows_split", "quarantined", "unrouted", "blank", "settled_at", "written_at"
FROM {{ schema | ident }}."objects"
WHERE {{ column | ident }} IN ({{ values | map("literal") | join(", ") }})
