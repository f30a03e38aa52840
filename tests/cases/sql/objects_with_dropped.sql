SELECT "object_id"
FROM "log_router"."ledger_order_placed"
WHERE "rows_dropped" > 0
