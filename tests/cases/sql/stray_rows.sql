SELECT "_lr_object", COUNT(*)
FROM "marketplace"."order_placed"
WHERE "_lr_object" NOT IN (SELECT "object_id" FROM "log_router"."ledger_order_placed")
GROUP BY "_lr_object"
