SELECT table_name, column_name
FROM svv_columns
WHERE
    (table_schema = {{ schema | literal }} AND table_name = {{ table | literal }})
    OR (table_schema = {{ ledger_schema | literal }} AND table_name = {{ ledger | literal }})
