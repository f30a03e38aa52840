-- Redshift's views of databases, schemas, tables and columns, and what SHOW TABLE says. What the twin can't know (slices, skew, sizes) is NULL.

CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
SELECT * FROM twin.columns WHERE table_schema NOT LIKE 'pg\_temp%' ESCAPE '\';

CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
SELECT * FROM twin.tables WHERE table_schema NOT LIKE 'pg\_temp%' ESCAPE '\';

CREATE OR REPLACE VIEW pg_catalog.svv_redshift_tables AS
SELECT t.table_catalog AS database_name, t.table_schema AS schema_name, t.table_name,
    CASE t.table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END AS table_type,
    array_to_string(c.relacl, '~') AS table_acl, t.remarks, pg_get_userbyid(c.relowner)::text AS table_owner
FROM svv_tables t JOIN pg_class c ON c.oid = format('%I.%I', t.table_schema, t.table_name)::regclass
WHERE t.table_schema NOT IN ('pg_catalog', 'information_schema');
CREATE OR REPLACE VIEW pg_catalog.svv_all_tables AS
SELECT database_name, schema_name, table_name, table_acl, table_type, remarks FROM svv_redshift_tables;

CREATE OR REPLACE VIEW pg_catalog.svv_redshift_columns AS
SELECT c.table_catalog AS database_name, c.table_schema AS schema_name, c.table_name, c.column_name,
    c.ordinal_position, c.data_type, c.column_default, c.is_nullable,
    CASE s.encoding WHEN 'raw' THEN 'none' ELSE s.encoding END AS encoding, s.distkey, s.sortkey,
    NULL::text AS column_acl, c.remarks, c.character_maximum_length, c.numeric_precision, c.numeric_scale
FROM svv_columns c
JOIN twin.stored_column s ON s.relation = format('%I.%I', c.table_schema, c.table_name)::regclass
    AND s.attnum = c.ordinal_position
WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema');
CREATE OR REPLACE VIEW pg_catalog.svv_all_columns AS
SELECT database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
    character_maximum_length, numeric_precision, numeric_scale, remarks
FROM svv_redshift_columns;

CREATE OR REPLACE VIEW pg_catalog.svv_redshift_schemas AS
SELECT current_database()::text AS database_name, nspname::text AS schema_name, nspowner::integer AS schema_owner,
    'local'::text AS schema_type, array_to_string(nspacl, '~') AS schema_acl, NULL::text AS schema_option
FROM twin.pg_namespace WHERE nspname NOT LIKE 'pg\_temp%' ESCAPE '\';
CREATE OR REPLACE VIEW pg_catalog.svv_all_schemas AS
SELECT database_name, schema_name, schema_owner, schema_type, schema_acl, NULL::text AS source_database, schema_option
FROM svv_redshift_schemas;
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_databases AS
SELECT datname::text AS database_name, datdba::integer AS database_owner, 'local'::text AS database_type,
    array_to_string(datacl, '~') AS database_acl, NULL::text AS database_options,
    isolation_level::text AS database_isolation_level
FROM pg_database JOIN pg_catalog.stv_db_isolation_level ON db_name = datname;

-- There is nothing outside the cluster.
CREATE OR REPLACE VIEW pg_catalog.svv_external_schemas AS
SELECT 0::oid AS esoid, 0::smallint AS eskind, ''::text AS schemaname, 0::integer AS esowner, ''::text AS databasename,
    ''::text AS esoptions WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_databases AS
SELECT 0::integer AS eskind, ''::text AS esoptions, ''::text AS databasename, ''::text AS location,
    ''::text AS parameters WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_tables AS
SELECT ''::text AS redshift_database_name, ''::text AS schemaname, ''::text AS tablename, ''::text AS tabletype,
    ''::text AS location, ''::text AS input_format, ''::text AS output_format, ''::text AS serialization_lib,
    ''::text AS serde_parameters, 0::integer AS compressed, ''::text AS parameters WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_columns AS
SELECT ''::text AS redshift_database_name, ''::text AS schemaname, ''::text AS tablename, ''::text AS columnname,
    ''::text AS external_type, 0::integer AS columnnum, 0::integer AS part_key, ''::text AS is_nullable WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_mv_info AS
SELECT ''::char(128) AS database_name, ''::char(128) AS schema_name, 0 AS user_id, ''::char(128) AS user_name,
    ''::char(128) AS name, ''::char(1) AS is_stale, 0 AS state, ''::char(1) AS autorewrite, ''::char(1) AS autorefresh
WHERE false;

-- As in Redshift: only tables in schemas of the search_path are shown.
CREATE OR REPLACE VIEW pg_catalog.pg_table_def AS
SELECT n.nspname AS schemaname, c.relname AS tablename, s.attname AS "column",
    format_type(s.base, s.modifier) AS type,
    CASE s.encoding WHEN 'raw' THEN 'none' ELSE s.encoding END AS encoding, s.distkey, s.sortkey,
    s.attnotnull AS "notnull"
FROM twin.stored_column s
JOIN pg_class c ON c.oid = s.relation AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (current_schemas(true)) AND n.nspname <> 'twin';

CREATE OR REPLACE FUNCTION twin.row_count(rel regclass) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    counted bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s', rel) INTO counted;
    RETURN counted;
END $$;

-- As in Redshift, a table without rows isn't shown.
CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid::integer AS table_id,
    c.relname::text AS "table",
    CASE WHEN coalesce(t.encode_auto, true) THEN k.encoded || ', AUTO(ENCODE)' ELSE k.encoded END AS encoded,
    CASE coalesce(t.diststyle, 'auto') WHEN 'key' THEN format('KEY(%s)', k.distkey)
        WHEN 'auto' THEN 'AUTO(ALL)' ELSE upper(t.diststyle) END AS diststyle,
    CASE WHEN coalesce(t.sortstyle, 'auto') = 'auto' THEN format('AUTO(SORTKEY%s)', '(' || k.sortkey1 || ')')
        WHEN t.sortstyle = 'interleaved' THEN 'INTERLEAVED' ELSE k.sortkey1 END AS sortkey1,
    k.max_varchar, k.sortkey1_enc::char(32) AS sortkey1_enc, k.sortkey_num,
    ceil(pg_total_relation_size(c.oid) / 1048576.0)::bigint AS size, NULL::numeric(10, 4) AS pct_used,
    0::bigint AS empty, NULL::numeric(5, 2) AS unsorted, NULL::numeric(5, 2) AS stats_off,
    r.rows::numeric(38, 0) AS tbl_rows, NULL::numeric(19, 2) AS skew_sortkey1, NULL::numeric(19, 2) AS skew_rows,
    r.rows::numeric(38, 0) AS estimated_visible_rows, NULL::text AS risk_event,
    NULL::numeric(12, 2) AS vacuum_sort_benefit, NULL::timestamp AS create_time
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN twin.table_storage t ON t.relation = c.oid
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_or(encoding <> 'raw') THEN 'Y' ELSE 'N' END AS encoded,
        max(attname::text) FILTER (WHERE distkey) AS distkey,
        max(attname::text) FILTER (WHERE sortkey = 1) AS sortkey1,
        max(CASE encoding WHEN 'raw' THEN 'none' ELSE encoding END) FILTER (WHERE sortkey = 1) AS sortkey1_enc,
        count(*) FILTER (WHERE sortkey <> 0)::integer AS sortkey_num,
        coalesce(max(modifier - 4) FILTER (WHERE base = 'varchar'::regtype), 0) AS max_varchar
    FROM twin.stored_column WHERE relation = c.oid
) k
CROSS JOIN LATERAL (SELECT CASE WHEN pg_relation_size(c.oid) > 0 THEN twin.row_count(c.oid) ELSE 0 END AS rows) r
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname NOT IN ('information_schema', 'twin')
    AND r.rows > 0;

-- One node of two slices.
CREATE OR REPLACE VIEW pg_catalog.stv_slices AS
SELECT 0 AS node, slice, slice AS localslice, 'D'::char(1) AS type FROM generate_series(0, 1) AS slice;
CREATE OR REPLACE VIEW pg_catalog.stv_tbl_perm AS
SELECT 0 AS slice, c.oid::integer AS id, c.relname::char(72) AS name, twin.row_count(c.oid) AS rows,
    NULL::bigint AS sorted_rows, (c.relpersistence = 't')::integer AS temp, d.oid::integer AS db_id,
    NULL::integer AS insert_pristine, NULL::integer AS delete_pristine,
    coalesce(t.backup, true)::integer AS backup
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_database d ON d.datname = current_database()
LEFT JOIN twin.table_storage t ON t.relation = c.oid
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'twin')
    AND n.nspname NOT LIKE 'pg\_toast%' ESCAPE '\';

-- SHOW TABLE and SHOW VIEW.
CREATE OR REPLACE FUNCTION twin.table_text(rel regclass) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT format(E'CREATE TABLE %I.%I (\n', n.nspname, c.relname)
        || (SELECT string_agg(format('    %I %s', s.attname, format_type(s.base, s.modifier))
                || CASE s.attidentity WHEN 'a' THEN format(' identity(%s,%s)', s.identity_seed, s.identity_step)
                    WHEN 'd' THEN format(' GENERATED BY DEFAULT AS IDENTITY(%s,%s)', s.identity_seed, s.identity_step)
                    ELSE coalesce(' DEFAULT ' || s.default_source, '') END
                || CASE WHEN s.attnotnull THEN ' NOT NULL' ELSE '' END || ' ENCODE ' || s.encoding
                || CASE WHEN s.distkey THEN ' distkey' ELSE '' END, E',\n' ORDER BY s.attnum)
            FROM twin.stored_column s WHERE s.relation = rel)
        || coalesce((SELECT string_agg(E',\n    ' || twin.pg_get_constraintdef(k.id::oid), '' ORDER BY k.id)
            FROM twin.table_key k WHERE k.relation = rel), '')
        || E'\n)\nDISTSTYLE ' || upper(coalesce(t.diststyle, 'auto'))
        || CASE WHEN coalesce(t.backup, true) THEN '' ELSE E'\nBACKUP NO' END
        || coalesce((SELECT E'\n' || CASE t.sortstyle WHEN 'interleaved' THEN 'INTERLEAVED ' ELSE '' END
                || 'SORTKEY ( ' || string_agg(quote_ident(s.attname), ', ' ORDER BY abs(s.sortkey)) || ' )'
            FROM twin.stored_column s WHERE s.relation = rel AND s.sortkey <> 0 HAVING count(*) > 0), '')
        || ';'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN twin.table_storage t ON t.relation = c.oid
    WHERE c.oid = rel AND c.relkind = 'r' $$;
