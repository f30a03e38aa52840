SELECT "object_id", "batch_id", "rows_loaded", "rows_dropped", "rows_refused", "loaded_at"
FROM "log_router"."ledger_order_placed"
WHERE "batch_id" IN ('20260131T13-0123456789abcdef')
