SELECT pg_last_copy_id(), pg_last_copy_count(), pg_backend_pid()
