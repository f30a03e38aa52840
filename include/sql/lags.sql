{#- Seconds from the S3 write of raw objects to the load of their rows; a load anew is no measure of that. -#}
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
    FROM {{ schema | ident }}."object_events" AS "e"
    INNER JOIN {{ schema | ident }}."objects" AS "o" ON "e"."object_id" = "o"."object_id"
    WHERE
        "e"."loaded_at" >= DATEADD(hour, -{{ hours | literal }}, GETDATE())
        AND "o"."written_at" IS NOT NULL
        AND "e"."lane" <> 'reload'
{%- if events %}
        AND "e"."event" IN ({{ events | map("literal") | join(", ") }})
{%- endif %}
) AS "loaded"
GROUP BY "event", "lane"
ORDER BY "event", "lane"
