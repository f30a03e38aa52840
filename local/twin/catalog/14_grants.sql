-- Everybody reads the system tables; only superusers read what stands behind them.
GRANT USAGE ON SCHEMA twin TO PUBLIC;
DO $$
DECLARE
    shown regclass;
BEGIN
    FOR shown IN
        SELECT oid FROM pg_class
        WHERE relkind = 'v' AND relnamespace IN ('pg_catalog'::regnamespace, 'twin'::regnamespace) AND oid >= 16384
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO PUBLIC', shown);
    END LOOP;
END $$;
GRANT SELECT ON twin.late_view TO PUBLIC;
