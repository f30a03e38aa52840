-- Redshift's system tables, with Redshift's columns and Redshift's names of types.

CREATE OR REPLACE FUNCTION twin.type_name(type_oid oid, modifier integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN type_oid = 'pg_catalog.super'::regtype THEN 'super'
        WHEN typtype = 'd' THEN format_type(typbasetype, typtypmod)
        WHEN type_oid = 'text'::regtype THEN 'character varying(65535)'
        ELSE format_type(type_oid, modifier)
    END FROM pg_type WHERE oid = type_oid $$;

CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
SELECT c.table_catalog::text, c.table_schema::text, c.table_name::text, c.column_name::text,
    c.ordinal_position::integer, c.column_default::text, c.is_nullable::text,
    CASE c.domain_name WHEN 'super' THEN 'super'
        ELSE CASE c.data_type WHEN 'text' THEN 'character varying' ELSE c.data_type END END::text AS data_type,
    CASE c.data_type WHEN 'text' THEN 65535 ELSE c.character_maximum_length END::integer AS character_maximum_length,
    c.numeric_precision::integer, c.numeric_precision_radix::integer, c.numeric_scale::integer,
    c.datetime_precision::integer, c.interval_type::text, NULL::text AS interval_precision,
    NULL::text AS character_set_catalog, NULL::text AS character_set_schema, NULL::text AS character_set_name,
    NULL::text AS collation_catalog, NULL::text AS collation_schema, NULL::text AS collation_name,
    NULL::text AS domain_name,
    col_description(format('%I.%I', c.table_schema, c.table_name)::regclass, c.ordinal_position::integer) AS remarks
FROM information_schema.columns c
WHERE c.table_schema NOT LIKE 'pg\_temp%' ESCAPE '\' AND c.table_schema <> 'twin';

CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
SELECT t.table_catalog::text, t.table_schema::text, t.table_name::text, t.table_type::text,
    obj_description(format('%I.%I', t.table_schema, t.table_name)::regclass, 'pg_class') AS remarks
FROM information_schema.tables t
WHERE t.table_schema NOT LIKE 'pg\_temp%' ESCAPE '\' AND t.table_schema <> 'twin';

-- As in Redshift: only tables in schemas of the search_path are shown.
CREATE OR REPLACE VIEW pg_catalog.pg_table_def AS
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
    twin.type_name(a.atttypid, a.atttypmod) AS type,
    coalesce(t.encodings ->> a.attname::text, 'none') AS encoding,
    coalesce(t.distkey = a.attname, false) AS distkey,
    coalesce(array_position(t.sortkeys, a.attname::text), 0) AS sortkey,
    a.attnotnull AS "notnull"
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN twin.table_attribute t ON t.relation = c.oid
WHERE c.relkind = 'r' AND n.nspname = ANY (current_schemas(true)) AND n.nspname <> 'twin';

CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid::integer AS table_id,
    c.relname::text AS "table",
    CASE WHEN t.encodings IS NULL THEN 'Y, AUTO(ENCODE)' ELSE 'Y' END AS encoded,
    CASE coalesce(t.diststyle, '') WHEN '' THEN 'AUTO(ALL)' WHEN 'key' THEN format('KEY(%s)', t.distkey)
        WHEN 'auto' THEN 'AUTO(ALL)' ELSE upper(t.diststyle) END AS diststyle,
    t.sortkeys[1] AS sortkey1, cardinality(coalesce(t.sortkeys, '{}')) AS sortkey_num,
    greatest(c.reltuples, 0)::numeric(38, 0) AS tbl_rows,
    ceil(pg_total_relation_size(c.oid) / 1048576.0)::bigint AS size
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN twin.table_attribute t ON t.relation = c.oid
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname NOT IN ('information_schema', 'twin');

CREATE OR REPLACE VIEW pg_catalog.stl_load_errors AS
SELECT userid, slice, tbl, starttime, session, query, filename::char(256), line_number, colname::char(127),
    type::char(10), col_length::char(10), position, raw_line::char(1024), raw_field_value::char(1024),
    err_code, err_reason::char(100), 0 AS is_partial, 0::bigint AS start_offset
FROM twin.load_error;

CREATE OR REPLACE VIEW pg_catalog.stl_loaderror_detail AS
SELECT userid, slice, session, query, filename::char(256), line_number, 0 AS field, colname::char(1024),
    raw_field_value::char(1024) AS value, 0 AS is_null, type::char(10), col_length::char(10)
FROM twin.load_error;

CREATE OR REPLACE VIEW pg_catalog.sys_load_error_detail AS
SELECT userid AS user_id, query AS query_id, query AS transaction_id, session AS session_id,
    database_name::char(64), tbl AS table_id, starttime AS start_time, slice AS slice_id, query AS copy_job_id,
    filename::char(256) AS file_name, line_number, colname::char(127) AS column_name, type::char(10) AS column_type,
    col_length::char(10) AS column_length, position, err_code AS error_code, err_reason::char(512) AS error_message
FROM twin.load_error;

CREATE OR REPLACE VIEW pg_catalog.sys_load_history AS
SELECT 100 AS user_id, query AS query_id, query AS transaction_id, session AS session_id, database_name,
    status, table_name, started AS start_time, ended AS end_time,
    (extract(epoch FROM ended - started) * 1000000)::bigint AS duration, data_source, 'JSON'::text AS file_format,
    loaded_rows, loaded_bytes, files AS source_file_count, loaded_bytes AS source_file_bytes,
    errors AS error_count, error_message
FROM twin.load;

CREATE OR REPLACE VIEW pg_catalog.stl_load_commits AS
SELECT 100 AS userid, query, slice, filename::char(256) AS name, filename::char(256), 0 AS byte_offset,
    lines_scanned, errors, curtime, 1 AS status, file_format::char(16)
FROM twin.load_file;

GRANT USAGE ON SCHEMA twin TO PUBLIC;
