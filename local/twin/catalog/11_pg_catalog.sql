-- PostgreSQL's own catalog as Redshift shows it: with Redshift's columns, types and constraints, and without
-- what belongs to the twin. Statements that name pg_class and its kin read these instead.

-- A column's type and modifier without the domain that counts its bytes.
CREATE OR REPLACE FUNCTION twin.base_type(type_oid oid) RETURNS oid LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN typtype = 'd' AND oid <> 'pg_catalog.super'::regtype THEN typbasetype
        WHEN oid = 'text'::regtype THEN 'varchar'::regtype ELSE oid END
    FROM pg_type WHERE oid = type_oid $$;
CREATE OR REPLACE FUNCTION twin.base_modifier(type_oid oid, modifier integer) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN typtype = 'd' AND oid <> 'pg_catalog.super'::regtype THEN typtypmod
        WHEN oid IN ('text'::regtype, 'varchar'::regtype) AND modifier < 0 THEN 65539 ELSE modifier END
    FROM pg_type WHERE oid = type_oid $$;
CREATE OR REPLACE FUNCTION twin.type_name(type_oid oid, modifier integer) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT format_type(twin.base_type(type_oid), twin.base_modifier(type_oid, modifier)) $$;

-- AWS, "CREATE TABLE": the encodings given to columns for which none is declared.
CREATE OR REPLACE FUNCTION twin.default_encoding(base oid, sortkey integer, temporary boolean) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN temporary OR sortkey <> 0 OR base IN ('boolean'::regtype, 'real'::regtype, 'float8'::regtype) THEN 'raw'
        WHEN base IN ('varchar'::regtype, 'bpchar'::regtype) THEN 'lzo'
        WHEN base = 'pg_catalog.super'::regtype THEN 'zstd'
        ELSE 'az64'
    END $$;

CREATE OR REPLACE VIEW twin.stored_column AS
SELECT a.attrelid AS relation, a.attnum, a.attname, twin.base_type(a.atttypid) AS base,
    twin.base_modifier(a.atttypid, a.atttypmod) AS modifier, a.attnotnull, a.atthasdef, a.attidentity,
    coalesce(s.distkey, false) AS distkey, coalesce(s.sortkey, 0) AS sortkey,
    CASE WHEN c.relkind = 'r' AND c.relnamespace <> 'pg_catalog'::regnamespace THEN coalesce(
        s.encoding,
        twin.default_encoding(twin.base_type(a.atttypid), coalesce(s.sortkey, 0), c.relpersistence = 't')
    ) ELSE 'raw' END AS encoding,
    i.seqstart AS identity_seed, i.seqincrement AS identity_step,
    CASE WHEN a.attidentity = 'a' THEN format('"identity"(%s, %s, ''%s,%s''::text)', a.attrelid, a.attnum - 1, i.seqstart, i.seqincrement)
        WHEN a.attidentity = 'd' THEN format('default_identity(%s, %s, ''%s,%s''::text)', a.attrelid, a.attnum - 1, i.seqstart, i.seqincrement)
        ELSE regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::twin\.(varchar|char)_[0-9]+', '', 'g') END AS default_source
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v')
LEFT JOIN twin.column_storage s ON s.relation = a.attrelid AND s.attnum = a.attnum
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_depend p ON a.attidentity <> '' AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum
    AND p.refclassid = 'pg_class'::regclass AND p.classid = 'pg_class'::regclass AND p.deptype = 'i'
LEFT JOIN pg_sequence i ON i.seqrelid = p.objid
WHERE a.attnum > 0 AND NOT a.attisdropped;

-- The numbers of encodings; the names are what matters.
CREATE OR REPLACE FUNCTION twin.encoding_number(encoding text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['raw', 'bytedict', 'delta', 'lzo', 'runlength', 'mostly8', 'mostly16', 'mostly32',
        'delta32k', 'text255', 'text32k', 'zstd', 'az64'], encoding) - 1 $$;
CREATE OR REPLACE FUNCTION pg_catalog.format_encoding(number integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['none', 'bytedict', 'delta', 'lzo', 'runlength', 'mostly8', 'mostly16', 'mostly32',
        'delta32k', 'text255', 'text32k', 'zstd', 'az64'])[number + 1] $$;

CREATE OR REPLACE VIEW twin.pg_namespace AS
SELECT * FROM pg_catalog.pg_namespace WHERE nspname <> 'twin' AND nspname NOT LIKE 'pg\_toast%' ESCAPE '\';

CREATE OR REPLACE VIEW twin.pg_class AS
SELECT c.*, CASE WHEN c.relkind <> 'r' THEN 0
    ELSE CASE t.diststyle WHEN 'even' THEN 0 WHEN 'key' THEN 1 WHEN 'all' THEN 8 ELSE 9 END END::smallint AS reldiststyle
FROM pg_catalog.pg_class c
LEFT JOIN twin.table_storage t ON t.relation = c.oid
WHERE c.relnamespace <> 'twin'::regnamespace AND c.relname <> 'twin_copy_id'
UNION ALL
-- a key has an index there, by which drivers find it
SELECT (jsonb_populate_record(NULL::pg_catalog.pg_class, jsonb_build_object(
        'oid', k.id, 'relname', k.name, 'relnamespace', c.relnamespace, 'relowner', c.relowner, 'relkind', 'i',
        'relnatts', cardinality(k.columns)))).*, 0::smallint
FROM twin.table_key k JOIN pg_catalog.pg_class c ON c.oid = k.relation
WHERE k.kind IN ('p', 'u');

CREATE OR REPLACE VIEW twin.pg_index AS
SELECT k.id::oid AS indexrelid, k.relation AS indrelid, cardinality(k.columns)::smallint AS indnatts,
    true AS indisunique, k.kind = 'p' AS indisprimary, false AS indisclustered, k.columns AS indkey
FROM twin.table_key k JOIN pg_catalog.pg_class c ON c.oid = k.relation
WHERE k.kind IN ('p', 'u');

CREATE OR REPLACE VIEW pg_catalog.pg_class_info AS
SELECT c.*, NULL::timestamp AS relcreationtime,
    CASE c.reldiststyle WHEN 9 THEN 10 ELSE c.reldiststyle END::smallint AS releffectivediststyle
FROM twin.pg_class c;

CREATE OR REPLACE VIEW twin.pg_attribute AS
SELECT a.attrelid, a.attname, twin.base_type(a.atttypid) AS atttypid, a.attstattarget, a.attlen, a.attnum, a.attndims,
    twin.base_modifier(a.atttypid, a.atttypmod) AS atttypmod, a.attbyval, a.attstorage, a.attalign,
    a.attnotnull, a.atthasdef OR a.attidentity <> '' AS atthasdef, a.attisdropped, a.attislocal, a.attinhcount,
    false AS attispreloaded, coalesce(s.distkey, false) AS attisdistkey, coalesce(s.sortkey, 0)::smallint AS attsortkeyord,
    coalesce(twin.encoding_number(s.encoding), 0)::smallint AS attencodingtype, 0::smallint AS attencrypttype, a.attacl
FROM pg_catalog.pg_attribute a
LEFT JOIN twin.stored_column s ON s.relation = a.attrelid AND s.attnum = a.attnum
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = a.attrelid AND c.relnamespace = 'twin'::regnamespace)
UNION ALL
SELECT k.id::oid, a.attname, twin.base_type(a.atttypid), a.attstattarget, a.attlen, p.place::smallint, a.attndims,
    twin.base_modifier(a.atttypid, a.atttypmod), a.attbyval, a.attstorage, a.attalign, false, false, false, true,
    a.attinhcount, false, false, 0::smallint, 0::smallint, 0::smallint, NULL
FROM twin.table_key k
CROSS JOIN LATERAL unnest(k.columns) WITH ORDINALITY AS p (number, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.relation AND a.attnum = p.number
WHERE k.kind IN ('p', 'u');

CREATE OR REPLACE VIEW pg_catalog.pg_attribute_info AS SELECT * FROM twin.pg_attribute;

-- The expression is text already; pg_get_expr() gives it back.
CREATE OR REPLACE VIEW twin.pg_attrdef AS
SELECT relation AS adrelid, attnum AS adnum, default_source AS adbin, default_source AS adsrc
FROM twin.stored_column WHERE default_source IS NOT NULL;
CREATE OR REPLACE FUNCTION pg_catalog.pg_get_expr(source text, relation oid) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT source $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_get_expr(source text, relation oid, pretty boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT source $$;

CREATE OR REPLACE VIEW twin.pg_constraint AS
SELECT k.id::bigint::oid AS oid, k.name::name AS conname, c.relnamespace AS connamespace, k.kind AS contype,
    false AS condeferrable, false AS condeferred, k.relation AS conrelid, 0::oid AS contypid, k.target AS confrelid,
    ' '::"char" AS confupdtype, ' '::"char" AS confdeltype, ' '::"char" AS confmatchtype, k.columns AS conkey,
    k.target_columns AS confkey, NULL::text AS conbin, NULL::text AS consrc
FROM twin.table_key k JOIN pg_catalog.pg_class c ON c.oid = k.relation;

CREATE OR REPLACE FUNCTION twin.column_list(rel oid, numbers smallint[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY place)
    FROM unnest(numbers) WITH ORDINALITY AS n (number, place)
    JOIN pg_catalog.pg_attribute ON attrelid = rel AND attnum = number $$;
CREATE OR REPLACE FUNCTION twin.pg_get_constraintdef(key oid, pretty boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE k.kind WHEN 'p' THEN 'PRIMARY KEY (' WHEN 'u' THEN 'UNIQUE (' ELSE 'FOREIGN KEY (' END
        || twin.column_list(k.relation, k.columns) || ')'
        || CASE WHEN k.kind = 'f' THEN format(' REFERENCES %s(%s)',
            CASE WHEN n.nspname = 'public' THEN quote_ident(c.relname) ELSE format('%I.%I', n.nspname, c.relname) END,
            twin.column_list(k.target, k.target_columns)) ELSE '' END
    FROM twin.table_key k
    LEFT JOIN pg_class c ON c.oid = k.target LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.id = key::bigint $$;

CREATE OR REPLACE FUNCTION twin.view_text(rel oid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT definition FROM twin.late_view WHERE relation = rel), pg_get_viewdef(rel, true)) $$;
CREATE OR REPLACE FUNCTION twin.pg_get_viewdef(rel oid, pretty boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT twin.view_text(rel) $$;

CREATE OR REPLACE VIEW twin.pg_tables AS
SELECT * FROM pg_catalog.pg_tables WHERE schemaname <> 'twin';
CREATE OR REPLACE VIEW twin.pg_views AS
SELECT n.nspname AS schemaname, c.relname AS viewname, pg_get_userbyid(c.relowner) AS viewowner,
    twin.view_text(c.oid) AS definition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v' AND n.nspname <> 'twin';

CREATE OR REPLACE VIEW pg_catalog.pg_database_info AS
SELECT oid AS datid, datname, datdba, encoding, datistemplate, datallowconn, datacl,
    CASE WHEN datconnlimit < 0 THEN 'UNLIMITED' ELSE datconnlimit::text END AS datconnlimit,
    ARRAY['concurrency_model=' || CASE isolation_level WHEN 'Serializable' THEN 2 ELSE 1 END] AS datconfig
FROM pg_database JOIN pg_catalog.stv_db_isolation_level ON db_name = datname;

-- information_schema: only what Redshift says otherwise.
CREATE OR REPLACE VIEW twin.columns AS
SELECT current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name,
    s.attname::text AS column_name, s.attnum::integer AS ordinal_position, s.default_source::text AS column_default,
    CASE WHEN s.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
    CASE s.base WHEN 'pg_catalog.super'::regtype THEN 'super' ELSE format_type(s.base, NULL) END AS data_type,
    CASE WHEN s.base IN ('varchar'::regtype, 'bpchar'::regtype) THEN s.modifier - 4 END AS character_maximum_length,
    CASE s.base WHEN 'smallint'::regtype THEN 16 WHEN 'integer'::regtype THEN 32 WHEN 'bigint'::regtype THEN 64
        WHEN 'real'::regtype THEN 24 WHEN 'float8'::regtype THEN 53
        WHEN 'numeric'::regtype THEN CASE WHEN s.modifier >= 0 THEN (s.modifier - 4) >> 16 & 65535 END
        END AS numeric_precision,
    CASE WHEN s.base IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype, 'float8'::regtype)
        THEN 2 WHEN s.base = 'numeric'::regtype THEN 10 END AS numeric_precision_radix,
    CASE WHEN s.base IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) THEN 0
        WHEN s.base = 'numeric'::regtype AND s.modifier >= 0 THEN (s.modifier - 4) & 2047 END AS numeric_scale,
    CASE WHEN s.base IN ('timestamp'::regtype, 'timestamptz'::regtype, 'time'::regtype, 'timetz'::regtype) THEN 6
        WHEN s.base = 'date'::regtype THEN 0 END AS datetime_precision,
    NULL::text AS interval_type, NULL::text AS interval_precision, NULL::text AS character_set_catalog,
    NULL::text AS character_set_schema, NULL::text AS character_set_name, NULL::text AS collation_catalog,
    NULL::text AS collation_schema, NULL::text AS collation_name, NULL::text AS domain_name,
    col_description(c.oid, s.attnum) AS remarks
FROM twin.stored_column s
JOIN pg_catalog.pg_class c ON c.oid = s.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'twin' AND NOT pg_is_other_temp_schema(n.oid) AND (
    pg_has_role(c.relowner, 'USAGE') OR has_column_privilege(c.oid, s.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'));

CREATE OR REPLACE VIEW twin.tables AS
SELECT current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name,
    CASE WHEN c.relkind = 'v' THEN 'VIEW' WHEN c.relpersistence = 't' THEN 'LOCAL TEMPORARY' ELSE 'BASE TABLE' END
        AS table_type,
    obj_description(c.oid, 'pg_class') AS remarks
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v') AND n.nspname <> 'twin' AND NOT pg_is_other_temp_schema(n.oid) AND (
    pg_has_role(c.relowner, 'USAGE')
    OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'));

CREATE OR REPLACE VIEW twin.schemata AS
SELECT * FROM information_schema.schemata WHERE schema_name <> 'twin' AND schema_name NOT LIKE 'pg\_toast%' ESCAPE '\';

CREATE OR REPLACE VIEW twin.views AS
SELECT t.table_catalog, t.table_schema, t.table_name,
    twin.view_text(format('%I.%I', t.table_schema, t.table_name)::regclass) AS view_definition,
    'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into
FROM twin.tables t WHERE t.table_type = 'VIEW';

CREATE OR REPLACE VIEW twin.table_constraints AS
SELECT current_database()::text AS constraint_catalog, n.nspname::text AS constraint_schema, k.name AS constraint_name,
    current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name,
    CASE k.kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END AS constraint_type,
    'NO' AS is_deferrable, 'NO' AS initially_deferred
FROM twin.table_key k
JOIN pg_catalog.pg_class c ON c.oid = k.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;

CREATE OR REPLACE VIEW twin.key_column_usage AS
SELECT current_database()::text AS constraint_catalog, n.nspname::text AS constraint_schema, k.name AS constraint_name,
    current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name,
    a.attname::text AS column_name, p.place::integer AS ordinal_position
FROM twin.table_key k
CROSS JOIN LATERAL unnest(k.columns) WITH ORDINALITY AS p (number, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.relation AND a.attnum = p.number
JOIN pg_catalog.pg_class c ON c.oid = k.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;

-- Columns of late-binding views, found by running them: one whose tables are gone is left out. Each is
-- undone, so that the locks go that it took: who looks at the catalog has read no table.
CREATE OR REPLACE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    late record;
BEGIN
    FOR late IN SELECT * FROM twin.late_views LOOP
        BEGIN
            EXECUTE format('CREATE TEMP VIEW twin_late_view AS %s', late.translated);
            RETURN QUERY SELECT late.nspname::name, late.relname::name, s.attname,
                format_type(s.base, s.modifier)::varchar, s.attnum::integer
            FROM twin.stored_column s WHERE s.relation = 'pg_temp.twin_late_view'::regclass;
            RAISE EXCEPTION USING ERRCODE = 'TWUND';
        EXCEPTION WHEN SQLSTATE 'TWUND' OR syntax_error_or_access_rule_violation OR invalid_schema_name THEN
            CONTINUE;
        END;
    END LOOP;
END $$;
CREATE OR REPLACE VIEW twin.late_views AS
SELECT n.nspname, c.relname, l.translated
FROM twin.late_view l JOIN pg_catalog.pg_class c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;
