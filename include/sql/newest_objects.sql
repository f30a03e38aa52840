SELECT "object_id", "bucket", "object_key", "etag", "size_bytes"
FROM {{ schema | ident }}."objects"
WHERE
    "object_id" IN (
        SELECT "object_id"
        FROM {{ schema | ident }}."object_events"
        WHERE
            "event" IN ({{ events | map("literal") | join(", ") }})
            OR ("unrouted" > 0 AND "event_type" IN ({{ event_types | map("literal") | join(", ") }}))
    )
ORDER BY "object_key" DESC
LIMIT {{ most | literal }}
