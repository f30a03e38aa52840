SELECT SUBSTRING("o"."object_key", 1, {{ length | literal }}) AS "prefix", COUNT(*), SUM("o"."size_bytes")
FROM {{ schema | ident }}.{{ ledger | ident }} AS "l"
INNER JOIN {{ schema | ident }}."objects" AS "o" ON "l"."object_id" = "o"."object_id"
WHERE "l"."rows_loaded" > 0
GROUP BY "prefix"
ORDER BY "prefix"
