SELECT "object_id"
FROM "log_router"."objects"
WHERE
    "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
    AND "object_id" NOT IN (
        SELECT "object_id"
        FROM "log_router"."object_events"
        WHERE "unrouted" > 0 AND "event_type" IN ('order_placed', 'it''s')
    )
