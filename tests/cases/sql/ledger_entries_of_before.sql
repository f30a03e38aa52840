SELECT "object_id", "batch_id", "rows_loaded", 0, 0, "loaded_at"
FROM "log_router"."ledger_order_placed"
WHERE "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
