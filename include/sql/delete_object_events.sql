DELETE FROM {{ schema | ident }}."object_events"
WHERE "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
