{#- Schemas without these tables give a row of NULLs; not svv_columns, which looks far beyond the database. -#}
SELECT "n"."nspname", "c"."relname", "a"."attname"
FROM pg_namespace AS "n"
LEFT JOIN pg_class AS "c"
    ON "n"."oid" = "c"."relnamespace" AND "c"."relname" IN ({{ tables | map("literal") | join(", ") }})
LEFT JOIN pg_attribute AS "a"
    ON "c"."oid" = "a"."attrelid" AND "a"."attnum" > 0 AND NOT "a"."attisdropped"
WHERE "n"."nspname" IN ({{ schemas | map("literal") | join(", ") }})
