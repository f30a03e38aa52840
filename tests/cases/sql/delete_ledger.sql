DELETE FROM "log_router"."ledger_order_placed"
WHERE "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
