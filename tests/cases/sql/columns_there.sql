SELECT table_name, column_name
FROM svv_columns
WHERE
    (table_schema = 'marketplace' AND table_name = 'order_placed')
    OR (table_schema = 'log_router' AND table_name = 'ledger_order_placed')
