INSERT INTO "log_router"."ledger_quarantined_lines" ("object_id", "batch_id", "config_hash", "rows_loaded")
SELECT "_lr_object", 'batch', 'cccccccccccccccc', COUNT(*)
FROM "log_router"."quarantined_lines"
WHERE "_lr_object" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
GROUP BY "_lr_object"
