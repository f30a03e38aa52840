DELETE FROM {{ schema | ident }}."objects"
WHERE "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
