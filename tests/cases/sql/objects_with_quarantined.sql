SELECT DISTINCT "object_id"
FROM "log_router"."object_events"
WHERE "event" = 'it''s' AND "quarantined" > 0
