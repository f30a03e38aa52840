-- Redshift's system tables, with Redshift's columns and Redshift's names of types.

CREATE OR REPLACE FUNCTION twin.type_name(type_oid oid, modifier integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN type_oid = 'pg_catalog.super'::regtype THEN 'super'
        WHEN typtype = 'd' THEN format_type(typbasetype, typtypmod)
        WHEN type_oid = 'text'::regtype THEN 'character varying(65535)'
        ELSE format_type(type_oid, modifier)
    END FROM pg_type WHERE oid = type_oid $$;


GRANT USAGE ON SCHEMA twin TO PUBLIC;
