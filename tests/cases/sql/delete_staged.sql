DELETE FROM "log_router_stage"
WHERE "_lr_object" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
