DELETE FROM "log_router_stage"
WHERE ("_lr_object", "_lr_line") IN (
    SELECT "_lr_object", "_lr_line"
    FROM (
        SELECT
            "_lr_object",
            "_lr_line",
            "at" AS "_lr_time",
            LAG("at") OVER (
                PARTITION BY "order", "who"
                ORDER BY "at", "_lr_object", "_lr_line"
            ) AS "_lr_before"
        FROM "log_router_stage"
    ) AS "ordered"
    WHERE "_lr_time" <= DATEADD(hour, 72, "_lr_before")
)
