INSERT INTO "log_router"."object_events" (
    "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted", "loaded_at", "lane"
)
VALUES
    ('00000000000000000000000000000000', 'order_placed', 'order_placed', 3, 1, 0, TIMESTAMP '2026-01-31 13:00:07.250000', 'stream'),
    ('ffffffffffffffffffffffffffffffff', NULL, 'dé''jà\\vu', 0, 0, 2, NULL, NULL)
