SELECT "object_id"
FROM "log_router"."objects"
WHERE
    "object_id" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
