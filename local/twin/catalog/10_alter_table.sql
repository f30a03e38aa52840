-- What ALTER TABLE must ask before it changes what is remembered of a table.

CREATE OR REPLACE FUNCTION twin.set_sort_auto(rel regclass) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ UPDATE twin.table_storage SET sortstyle = 'auto' WHERE relation = rel $$;

CREATE OR REPLACE FUNCTION twin.is_interleaved(rel regclass) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT EXISTS (SELECT FROM twin.table_storage WHERE relation = rel AND sortstyle = 'interleaved') $$;

CREATE OR REPLACE FUNCTION twin.refuse_super_key(rel regclass, names text[], role text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found name := (SELECT attname FROM pg_attribute WHERE attrelid = rel AND attname = ANY (names)
                   AND atttypid = 'pg_catalog.super'::regtype LIMIT 1);
BEGIN
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'SUPER column "%" can''t be a % key', found, role USING ERRCODE = '42P16';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION twin.check_distribution(rel regclass, style text, key text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF twin.is_interleaved(rel) AND style <> 'auto' THEN
        RAISE EXCEPTION 'cannot alter the distribution of a table with an interleaved sort key' USING ERRCODE = '0A000';
    ELSIF style IN ('all', 'even') AND EXISTS (SELECT FROM pg_class WHERE oid = rel AND relpersistence = 't') THEN
        RAISE EXCEPTION 'cannot alter the distribution style of a temporary table' USING ERRCODE = '0A000';
    END IF;
    PERFORM twin.refuse_super_key(rel, ARRAY[key], 'dist');
END $$;

CREATE OR REPLACE FUNCTION twin.check_sort_key(rel regclass, names text[]) RETURNS void LANGUAGE sql STABLE AS
$$ SELECT twin.refuse_super_key(rel, names, 'sort') $$;

CREATE OR REPLACE FUNCTION twin.check_encoding(rel regclass, name text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM twin.column_number(rel, name);
    IF twin.is_interleaved(rel) THEN
        RAISE EXCEPTION 'cannot alter the encoding of column "%": the table has an interleaved sort key', name
            USING ERRCODE = '0A000';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION twin.type_family(base oid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN base IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) THEN 'integer'
        WHEN base = 'numeric'::regtype THEN 'decimal' WHEN base IN ('real'::regtype, 'float8'::regtype) THEN 'float'
        WHEN base = 'varchar'::regtype THEN 'varchar' WHEN base = 'bpchar'::regtype THEN 'char'
        WHEN base::regtype::text LIKE 'time%' THEN 'moment' ELSE base::regtype::text END $$;
CREATE OR REPLACE FUNCTION twin.refuse_encoding(rel regclass, name text, wanted text, families text[]) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    stored record;
BEGIN
    SELECT s.encoding, s.base INTO stored FROM twin.stored_column s WHERE s.relation = rel AND s.attname = name;
    IF stored.encoding = wanted THEN
        RAISE EXCEPTION 'column "%" is already encoded with %', name, wanted USING ERRCODE = '0A000';
    ELSIF twin.type_family(stored.base) <> ALL (families) THEN
        RAISE EXCEPTION 'invalid encoding type specified for column "%"', name USING ERRCODE = '42P16';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION twin.check_resize(rel regclass, name text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    stored record;
BEGIN
    SELECT * INTO stored FROM twin.stored_column s WHERE s.relation = rel AND s.attname = name;
    IF stored.attnum IS NULL THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', name,
            (SELECT relname FROM pg_class WHERE oid = rel) USING ERRCODE = '42703';
    ELSIF stored.base <> 'varchar'::regtype THEN
        RAISE EXCEPTION 'cannot alter type of column "%": it is no VARCHAR', name USING ERRCODE = '0A000';
    ELSIF stored.default_source IS NOT NULL THEN
        RAISE EXCEPTION 'cannot alter type of column "%": it has a default', name USING ERRCODE = '0A000';
    ELSIF stored.encoding IN ('bytedict', 'runlength', 'text255', 'text32k') THEN
        RAISE EXCEPTION 'cannot alter type of column "%": its encoding is %', name, upper(stored.encoding)
            USING ERRCODE = '0A000';
    ELSIF EXISTS (SELECT FROM twin.table_key WHERE relation = rel AND stored.attnum = ANY (columns)) THEN
        RAISE EXCEPTION 'cannot alter type of column "%": it is part of a key', name USING ERRCODE = '0A000';
    END IF;
END $$;

-- ALTER TABLE APPEND: columns of one name must be alike, then the rows move.
CREATE OR REPLACE FUNCTION twin.append_table(target regclass, source regclass, extra boolean, fill boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    shared text;
    differing text;
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE oid IN (target, source) AND (relpersistence = 't' OR relkind <> 'r')) THEN
        RAISE EXCEPTION 'ALTER TABLE APPEND takes permanent tables only' USING ERRCODE = '42809';
    END IF;
    SELECT string_agg(quote_ident(t.attname), ', '),
        min(t.attname::text) FILTER (WHERE (t.base, t.modifier, t.encoding, t.attnotnull, t.sortkey, t.distkey, t.attidentity)
            IS DISTINCT FROM (s.base, s.modifier, s.encoding, s.attnotnull, s.sortkey, s.distkey, s.attidentity)
            OR t.attidentity = 'a')
        INTO shared, differing
    FROM twin.stored_column t JOIN twin.stored_column s USING (attname)
    WHERE t.relation = target AND s.relation = source;
    IF differing IS NOT NULL THEN
        RAISE EXCEPTION 'column "%" of the source and the target table differ', differing USING ERRCODE = '42804';
    END IF;
    IF twin.table_style(target) <> twin.table_style(source) THEN
        RAISE EXCEPTION 'the tables differ in distribution or sort style' USING ERRCODE = '42804';
    END IF;
    PERFORM twin.refuse_extra(source, target, extra, 'source', 'IGNOREEXTRA');
    PERFORM twin.refuse_extra(target, source, fill, 'target', 'FILLTARGET');
    EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM %s', target, shared, shared, source);
    EXECUTE format('DELETE FROM %s', source);
END $$;
CREATE OR REPLACE FUNCTION twin.table_style(rel regclass) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT concat(diststyle, ' ', sortstyle) FROM twin.table_storage WHERE relation = rel), '') $$;
CREATE OR REPLACE FUNCTION twin.refuse_extra(one regclass, other regclass, allowed boolean, side text, option text)
RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    alone text := (SELECT min(attname::text) FROM twin.stored_column WHERE relation = one AND attname NOT IN (
        SELECT attname FROM twin.stored_column WHERE relation = other));
BEGIN
    IF alone IS NOT NULL AND NOT allowed THEN
        RAISE EXCEPTION 'the % table has the extra column "%": use %', side, alone, option USING ERRCODE = '42804';
    END IF;
END $$;

-- Columns of a table made by a query count characters, or are text: they get the domains that count bytes.
CREATE OR REPLACE FUNCTION twin.unsettled(rel regclass) RETURNS TABLE (name name, kind text, size integer)
LANGUAGE sql STABLE AS $$
    SELECT a.attname, CASE t.typname WHEN 'bpchar' THEN 'char' ELSE 'varchar' END,
        CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 WHEN t.typname = 'bpchar' THEN 256 ELSE 65535 END
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = rel AND a.attnum > 0 AND t.typname IN ('text', 'varchar', 'bpchar')
        AND t.typnamespace = 'pg_catalog'::regnamespace $$;
CREATE OR REPLACE FUNCTION twin.settle(rel regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changes text := (SELECT string_agg(format('ALTER COLUMN %I TYPE twin.%I', name, kind || '_' || size), ', ')
                     FROM twin.unsettled(rel));
BEGIN
    IF changes IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s %s', rel, changes);
    END IF;
END $$;
