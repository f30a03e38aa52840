{#- Of a session's last COPY of these parts: a session's number is used again after its end. -#}
SELECT "file_name", "line_number", "column_name", "error_code", "error_message"
FROM sys_load_error_detail
WHERE
    "session_id" = {{ session_id | literal }}
    AND LEFT("file_name", {{ parts_url | length }}) = {{ parts_url | literal }}
    AND "query_id" = (
        SELECT MAX("query_id")
        FROM sys_load_error_detail
        WHERE
            "session_id" = {{ session_id | literal }}
            AND LEFT("file_name", {{ parts_url | length }}) = {{ parts_url | literal }}
    )
ORDER BY "file_name", "line_number"
