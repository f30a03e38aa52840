LOCK TABLE "log_router"."ledger_order_placed"
