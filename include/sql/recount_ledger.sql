INSERT INTO {{ schema | ident }}.{{ ledger | ident }} ("object_id", "batch_id", "config_hash", "rows_loaded")
SELECT "_lr_object", {{ batch_id | literal }}, {{ config_hash | literal }}, COUNT(*)
FROM {{ schema | ident }}.{{ table | ident }}
WHERE "_lr_object" IN ({{ object_ids | map("literal") | join(", ") }})
GROUP BY "_lr_object"
