SELECT SUBSTRING("o"."object_key", 1, 18) AS "prefix", COUNT(*), SUM("o"."size_bytes")
FROM "log_router"."ledger_order_placed" AS "l"
INNER JOIN "log_router"."objects" AS "o" ON "l"."object_id" = "o"."object_id"
WHERE "l"."rows_loaded" > 0
GROUP BY "prefix"
ORDER BY "prefix"
