SELECT "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted"
FROM {{ schema | ident }}."object_events"
WHERE "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
