INSERT INTO {{ schema | ident }}.{{ table | ident }} ({{ columns | map("ident") | join(", ") }})
SELECT {{ columns | map("ident") | join(", ") }}
FROM {{ stage | ident }}
WHERE "_lr_object" IN ({{ object_ids | map("literal") | join(", ") }})
