INSERT INTO "log_router"."ledger_order_placed" (
    "object_id", "batch_id", "config_hash", "rows_loaded", "rows_dropped", "rows_refused"
)
VALUES
    ('00000000000000000000000000000000', 'batch', 'cccccccccccccccc', 3, 2, 1),
    ('ffffffffffffffffffffffffffffffff', 'batch', 'cccccccccccccccc', 4, 0, 0)
