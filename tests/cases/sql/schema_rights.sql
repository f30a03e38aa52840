SELECT HAS_SCHEMA_PRIVILEGE(nspname, 'USAGE'), HAS_SCHEMA_PRIVILEGE(nspname, 'CREATE')
FROM pg_namespace
WHERE nspname = 'log_router'
