DELETE FROM "log_router"."object_events"
WHERE "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
