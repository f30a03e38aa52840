SELECT column_name
FROM svv_columns
WHERE table_schema = 'marketplace' AND table_name = 'order_placed'
