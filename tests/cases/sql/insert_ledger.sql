INSERT INTO "log_router"."ledger_order_placed" ("object_id", "batch_id", "config_hash", "rows_loaded")
VALUES
    ('00000000000000000000000000000000', 'batch', 'cccccccccccccccc', 3),
    ('ffffffffffffffffffffffffffffffff', 'batch', 'cccccccccccccccc', 4)
