CREATE TEMPORARY TABLE "log_router_stage" (LIKE "marketplace"."order_placed" INCLUDING DEFAULTS)
