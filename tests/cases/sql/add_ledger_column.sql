ALTER TABLE "log_router"."ledger_order_placed" ADD COLUMN "rows_dropped" BIGINT DEFAULT 0 ENCODE AZ64 NOT NULL
