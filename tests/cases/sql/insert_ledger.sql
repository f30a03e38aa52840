INSERT INTO "log_router"."ledger_order_placed" (
    "object_id", "batch_id", "config_hash", "rows_loaded", "rows_dropped", "rows_refused", "loaded_at"
)
VALUES
    ('00000000000000000000000000000000', 'batch', 'cccccccccccccccc', 3, 2, 1, TIMESTAMP '2026-01-31 13:00:07.250000'),
    ('ffffffffffffffffffffffffffffffff', 'batch', 'cccccccccccccccc', 4, 0, 0, TIMESTAMP '2026-01-31 13:00:07.250000')
