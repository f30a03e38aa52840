SELECT "object_id", "bucket", "object_key", "etag", "size_bytes"
FROM "log_router"."objects"
WHERE
    "object_id" IN (
        SELECT "object_id"
        FROM "log_router"."object_events"
        WHERE
            "event" IN ('order_placed', '')
            OR ("unrouted" > 0 AND "event_type" IN ('it''s', ''))
    )
ORDER BY "object_key" DESC
LIMIT 20
