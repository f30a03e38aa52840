SELECT "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted", "loaded_at", "lane"
FROM {{ schema | ident }}."object_events"
WHERE "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
