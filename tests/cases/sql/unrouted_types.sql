SELECT
    "e"."event_type",
    SUBSTRING("o"."object_key", 1, 18) AS "prefix",
    SUM("e"."unrouted"),
    COUNT(*),
    SUM("o"."size_bytes")
FROM "log_router"."object_events" AS "e"
INNER JOIN "log_router"."objects" AS "o" ON "e"."object_id" = "o"."object_id"
WHERE "e"."unrouted" > 0
GROUP BY "e"."event_type", "prefix"
ORDER BY "e"."event_type", "prefix"
