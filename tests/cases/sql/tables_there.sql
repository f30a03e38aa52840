SELECT table_schema, table_name, column_name
FROM svv_columns
WHERE
    table_schema IN ('marketplace', 'log_router')
    AND column_name IN ('_lr_object', 'object_id')
