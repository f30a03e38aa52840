SELECT "object_id", "batch_id", "rows_loaded", "rows_dropped", "rows_refused"
FROM {{ schema | ident }}.{{ ledger | ident }}
WHERE "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
