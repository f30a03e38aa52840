SELECT
    "n"."nspname",
    "c"."relname",
    "a"."attname",
    FORMAT_TYPE("a"."atttypid", "a"."atttypmod"),
    FORMAT_ENCODING("a"."attencodingtype"::INTEGER),
    "a"."attisdistkey" AND "c"."reldiststyle" = 1,
    "a"."attsortkeyord",
    "a"."atthasdef"
FROM pg_namespace AS "n"
INNER JOIN pg_class AS "c" ON "n"."oid" = "c"."relnamespace" AND "c"."relkind" IN ('r', 'v')
INNER JOIN pg_attribute AS "a" ON "c"."oid" = "a"."attrelid" AND "a"."attnum" > 0 AND NOT "a"."attisdropped"
WHERE
    ("n"."nspname" = 'marketplace' AND "c"."relname" IN ('order_placed', 'it''s'))
    OR ("n"."nspname" = 'log_router' AND "c"."relname" IN ('ledger_order_placed'))
ORDER BY "n"."nspname", "c"."relname", "a"."attnum"
