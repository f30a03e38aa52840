DELETE FROM {{ schema | ident }}.{{ ledger | ident }}
WHERE "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
