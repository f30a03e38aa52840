SELECT "object_id"
FROM {{ schema | ident }}.{{ ledger | ident }}
WHERE "rows_dropped" > 0
