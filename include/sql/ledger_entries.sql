SELECT "object_id", "batch_id", "rows_loaded", "rows_dropped", "rows_refused", "loaded_at"
FROM {{ schema | ident }}.{{ ledger | ident }}
WHERE {{ column | ident }} IN ({{ values | map("literal") | join(", ") }})
