SELECT COUNT(*) FROM "log_router"."ledger_order_placed"
