SELECT "_lr_object", COUNT(*)
FROM {{ schema | ident }}.{{ table | ident }}
WHERE "_lr_object" NOT IN (SELECT "object_id" FROM {{ ledger_schema | ident }}.{{ ledger | ident }})
GROUP BY "_lr_object"
