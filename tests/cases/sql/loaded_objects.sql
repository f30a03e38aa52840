SELECT "object_id", "batch_id", "rows_loaded", "rows_dropped", "rows_refused"
FROM "log_router"."ledger_order_placed"
WHERE "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
