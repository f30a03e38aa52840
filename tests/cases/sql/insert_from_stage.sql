INSERT INTO "marketplace"."order_placed" ("order", "_lr_object")
SELECT "order", "_lr_object"
FROM "log_router_stage"
WHERE "_lr_object" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
