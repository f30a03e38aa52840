DELETE FROM {{ stage | ident }}
WHERE "_lr_object" IN ({{ object_ids | map("literal") | join(", ") }})
