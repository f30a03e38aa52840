SELECT pg_last_copy_id(), pg_last_copy_count()
