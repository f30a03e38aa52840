SELECT "file_name", "line_number", "column_name", "error_code", "error_message"
FROM sys_load_error_detail
WHERE
    "session_id" = 1073741824
    AND LEFT("file_name", 38) = 's3://staging/parts/batch/order_placed/'
    AND "query_id" = (
        SELECT MAX("query_id")
        FROM sys_load_error_detail
        WHERE
            "session_id" = 1073741824
            AND LEFT("file_name", 38) = 's3://staging/parts/batch/order_placed/'
    )
ORDER BY "file_name", "line_number"
