SELECT "n"."nspname", "c"."relname"
FROM pg_namespace AS "n"
LEFT JOIN pg_class AS "c"
    ON "n"."oid" = "c"."relnamespace" AND "c"."relname" IN ('objects', 'object_events', 'batches')
WHERE "n"."nspname" IN ('marketplace', 'log_router')
