-- A view that has changed its columns can't be replaced, so every view of the twin's is made anew; one that a
-- client's own view reads stays, which is well as long as it has not changed.
DO $$
DECLARE
    made regclass;
BEGIN
    FOR made IN
        SELECT oid FROM pg_class
        WHERE relkind = 'v' AND relnamespace IN ('pg_catalog'::regnamespace, 'twin'::regnamespace) AND oid >= 16384
        ORDER BY oid DESC
    LOOP
        BEGIN
            EXECUTE format('DROP VIEW %s', made);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            CONTINUE;
        END;
    END LOOP;
END $$;
