SELECT nspname FROM pg_namespace WHERE nspname = 'log_router'
