SELECT "_lr_object", COUNT(*)
FROM "log_router_stage"
GROUP BY "_lr_object"
