SELECT "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted", "loaded_at", "lane"
FROM "log_router"."object_events"
WHERE "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
