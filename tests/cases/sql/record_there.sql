SELECT "n"."nspname", "c"."relname", "a"."attname"
FROM pg_namespace AS "n"
LEFT JOIN pg_class AS "c"
    ON "n"."oid" = "c"."relnamespace" AND "c"."relname" IN ('objects', 'object_events')
LEFT JOIN pg_attribute AS "a"
    ON "c"."oid" = "a"."attrelid" AND "a"."attnum" > 0 AND NOT "a"."attisdropped"
WHERE "n"."nspname" IN ('marketplace', 'log_router')
