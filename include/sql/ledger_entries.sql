SELECT "object_id", "batch_id", "rows_loaded", {{ '"rows_dropped", "rows_refused"' if fates else "0, 0" }}, "loaded_at"
FROM {{ schema | ident }}.{{ ledger | ident }}
WHERE {{ column | ident }} IN ({{ values | map("literal") | join(", ") }})
