DELETE FROM "log_router_stage"
WHERE ("_lr_object", "_lr_line") IN (
    SELECT "new"."_lr_object", "new"."_lr_line"
    FROM "log_router_stage" AS "new"
    INNER JOIN "marketplace"."order_placed" AS "old"
        ON
            "new"."at" <= DATEADD(hour, 72, "old"."at")
            AND "old"."at" <= DATEADD(hour, 72, "new"."at")
            AND "new"."order" = "old"."order"
            AND "new"."who" = "old"."who"
)
