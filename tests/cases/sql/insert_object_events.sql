INSERT INTO "log_router"."object_events" (
    "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted"
)
VALUES
    ('00000000000000000000000000000000', 'order_placed', 'order_placed', 3, 1, 0),
    ('ffffffffffffffffffffffffffffffff', NULL, 'dé''jà\\vu', 0, 0, 2)
