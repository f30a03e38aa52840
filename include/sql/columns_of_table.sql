SELECT column_name
FROM svv_columns
WHERE table_schema = {{ schema | literal }} AND table_name = {{ table | literal }}
