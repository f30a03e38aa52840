SELECT
    "e"."event_type",
    SUBSTRING("o"."object_key", 1, {{ length | literal }}) AS "prefix",
    SUM("e"."unrouted"),
    COUNT(*),
    SUM("o"."size_bytes")
FROM {{ schema | ident }}."object_events" AS "e"
INNER JOIN {{ schema | ident }}."objects" AS "o" ON "e"."object_id" = "o"."object_id"
WHERE "e"."unrouted" > 0
GROUP BY "e"."event_type", "prefix"
ORDER BY "e"."event_type", "prefix"
