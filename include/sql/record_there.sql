{#- Schemas without these tables give a row of NULLs; not svv_columns, which looks far beyond the database. -#}
SELECT "n"."nspname", "c"."relname"
FROM pg_namespace AS "n"
LEFT JOIN pg_class AS "c"
    ON "n"."oid" = "c"."relnamespace" AND "c"."relname" IN ({{ tables | map("literal") | join(", ") }})
WHERE "n"."nspname" IN ({{ schemas | map("literal") | join(", ") }})
