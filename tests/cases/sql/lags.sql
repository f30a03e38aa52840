SELECT
    "event",
    "lane",
    COUNT(*),
    SUM("rows_split"),
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "lag"),
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY "lag"),
    MAX("lag")
FROM (
    SELECT "e"."event", "e"."lane", "e"."rows_split", DATEDIFF(second, "o"."written_at", "e"."loaded_at") AS "lag"
    FROM "log_router"."object_events" AS "e"
    INNER JOIN "log_router"."objects" AS "o" ON "e"."object_id" = "o"."object_id"
    WHERE
        "e"."loaded_at" >= DATEADD(hour, -1, GETDATE())
        AND "o"."written_at" IS NOT NULL
        AND "e"."lane" <> 'reload'
        AND "e"."event" IN ('order_placed', 'it''s')
) AS "loaded"
GROUP BY "event", "lane"
ORDER BY "event", "lane"
