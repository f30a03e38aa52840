SELECT "_lr_object", COUNT(*), COUNT(DISTINCT "_lr_line")
FROM {{ schema | ident }}.{{ table | ident }}
WHERE "_lr_object" IN ({{ object_ids | map("literal") | join(", ") }})
GROUP BY "_lr_object"
