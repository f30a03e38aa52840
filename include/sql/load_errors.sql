SELECT "file_name", "line_number", "column_name", "error_code", "error_message"
FROM sys_load_error_detail
WHERE LEFT("file_name", {{ parts_url | length }}) = {{ parts_url | literal }}
ORDER BY "start_time" DESC
LIMIT 5
