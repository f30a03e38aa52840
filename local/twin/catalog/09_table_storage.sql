-- What is remembered of tables: written by CREATE and ALTER TABLE, with the rights of the twin itself.

CREATE OR REPLACE FUNCTION twin.column_number(rel regclass, name text) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
    number smallint;
BEGIN
    SELECT attnum INTO number FROM pg_attribute
    WHERE attrelid = rel AND attname = name AND attnum > 0 AND NOT attisdropped;
    IF number IS NULL THEN
        RAISE EXCEPTION 'column "%" named in key does not exist', name USING ERRCODE = '42703';
    END IF;
    RETURN number;
END $$;

CREATE OR REPLACE FUNCTION twin.column_numbers(rel regclass, names text[]) RETURNS smallint[] LANGUAGE sql STABLE AS
$$ SELECT coalesce(array_agg(twin.column_number(rel, name) ORDER BY place), '{}')
   FROM unnest(names) WITH ORDINALITY AS n (name, place) $$;

CREATE OR REPLACE FUNCTION twin.set_distribution(rel regclass, style text, key text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE twin.table_storage SET diststyle = style WHERE relation = rel;
    -- made AUTO, a table keeps its key until Redshift finds a better one: small ones become AUTO(ALL)
    UPDATE twin.column_storage SET distkey = false WHERE relation = rel;
    IF key <> '' THEN
        INSERT INTO twin.column_storage (relation, attnum, distkey) VALUES (rel, twin.column_number(rel, key), true)
        ON CONFLICT (relation, attnum) DO UPDATE SET distkey = true;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION twin.set_sort_key(rel regclass, style text, keys text[], recode boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    place integer;
BEGIN
    UPDATE twin.table_storage SET sortstyle = style WHERE relation = rel;
    UPDATE twin.column_storage SET sortkey = 0 WHERE relation = rel;
    FOR place IN 1 .. cardinality(keys) LOOP
        INSERT INTO twin.column_storage (relation, attnum, sortkey) VALUES (
            rel, twin.column_number(rel, keys[place]),
            -- the signs of an interleaved key alternate
            CASE WHEN style = 'interleaved' AND place % 2 = 0 THEN -place ELSE place END
        )
        ON CONFLICT (relation, attnum) DO UPDATE SET sortkey = excluded.sortkey,
            encoding = CASE WHEN recode THEN 'raw' ELSE column_storage.encoding END;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION twin.set_encoding(rel regclass, name text, encoding text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO twin.column_storage (relation, attnum, encoding) VALUES (rel, twin.column_number(rel, name), encoding)
    ON CONFLICT (relation, attnum) DO UPDATE SET encoding = excluded.encoding;
$$;

CREATE OR REPLACE FUNCTION twin.set_encode_auto(rel regclass, automatic boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ UPDATE twin.table_storage SET encode_auto = automatic WHERE relation = rel $$;

CREATE OR REPLACE FUNCTION twin.keep_table(
    rel regclass, diststyle text, distkey text, sortstyle text, sortkeys text[], encodings jsonb,
    encode_auto boolean, backup boolean
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO twin.table_storage VALUES (rel, diststyle, sortstyle, encode_auto, backup);
    PERFORM twin.set_encoding(rel, name, encoding) FROM jsonb_each_text(encodings) AS e (name, encoding);
    PERFORM twin.set_distribution(rel, diststyle, distkey);
    PERFORM twin.set_sort_key(rel, sortstyle, sortkeys, false);
END $$;

CREATE OR REPLACE FUNCTION twin.keep_like(rel regclass, parent regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO twin.table_storage
    SELECT rel, diststyle, sortstyle, encode_auto, backup FROM twin.table_storage WHERE relation = parent;
    INSERT INTO twin.column_storage
    SELECT rel, mine.attnum, s.encoding, s.distkey, s.sortkey
    FROM twin.column_storage s
    JOIN pg_attribute theirs ON theirs.attrelid = s.relation AND theirs.attnum = s.attnum
    JOIN pg_attribute mine ON mine.attrelid = rel AND mine.attname = theirs.attname
    WHERE s.relation = parent AND NOT theirs.attisdropped;
END $$;

CREATE OR REPLACE FUNCTION twin.keep_late_view(rel regclass, definition text, translated text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO twin.late_view VALUES (rel, definition, translated)
    ON CONFLICT (relation) DO UPDATE SET definition = excluded.definition, translated = excluded.translated;
$$;

-- Constraints: named, checked against the tables they name, shown, never enforced.
CREATE OR REPLACE FUNCTION twin.add_key(
    rel regclass, given text, of_kind "char", names text[], referenced regclass, referenced_names text[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    mine smallint[] := twin.column_numbers(rel, names);
    theirs smallint[] := '{}';
    base text;
    chosen text;
    tries integer := 0;
BEGIN
    IF of_kind = 'p' AND EXISTS (SELECT FROM twin.table_key WHERE relation = rel AND kind = 'p') THEN
        RAISE EXCEPTION 'multiple primary keys for table "%" are not allowed',
            (SELECT relname FROM pg_class WHERE oid = rel) USING ERRCODE = '42P16';
    END IF;
    IF of_kind = 'f' THEN
        SELECT k.columns INTO theirs FROM twin.table_key k
        WHERE k.relation = referenced AND k.kind IN ('p', 'u') AND (
            (referenced_names = '{}' AND k.kind = 'p')
            OR (referenced_names <> '{}' AND k.columns @> twin.column_numbers(referenced, referenced_names)
                AND k.columns <@ twin.column_numbers(referenced, referenced_names)))
        LIMIT 1;
        IF theirs IS NULL AND referenced_names = '{}' THEN
            RAISE EXCEPTION 'there is no primary key for referenced table "%"',
                (SELECT relname FROM pg_class WHERE oid = referenced) USING ERRCODE = '42704';
        ELSIF theirs IS NULL THEN
            RAISE EXCEPTION 'there is no unique constraint matching given keys for referenced table "%"',
                (SELECT relname FROM pg_class WHERE oid = referenced) USING ERRCODE = '42830';
        ELSIF cardinality(theirs) <> cardinality(mine) THEN
            RAISE EXCEPTION 'number of referencing and referenced columns for foreign key disagree'
                USING ERRCODE = '42830';
        END IF;
        theirs := CASE WHEN referenced_names = '{}' THEN theirs ELSE twin.column_numbers(referenced, referenced_names) END;
    END IF;
    base := (SELECT relname FROM pg_class WHERE oid = rel) || CASE of_kind
        WHEN 'p' THEN '_pkey' WHEN 'u' THEN '_' || names[1] || '_key' ELSE '_' || names[1] || '_fkey' END;
    chosen := coalesce(given, base);
    WHILE EXISTS (SELECT FROM twin.table_key WHERE relation = rel AND name = chosen) LOOP
        IF given IS NOT NULL THEN
            RAISE EXCEPTION 'constraint "%" for relation "%" already exists', given,
                (SELECT relname FROM pg_class WHERE oid = rel) USING ERRCODE = '42710';
        END IF;
        tries := tries + 1;
        chosen := base || tries;
    END LOOP;
    INSERT INTO twin.table_key (relation, name, kind, columns, target, target_columns)
    VALUES (rel, chosen, of_kind, mine, coalesce(referenced, 0), theirs);
END $$;

CREATE OR REPLACE FUNCTION twin.refuse_nullable(rel regclass, names text[]) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = rel AND attname = ANY (names) AND NOT attnotnull) THEN
        RAISE EXCEPTION 'cannot add a primary key to a nullable column' USING ERRCODE = '42P16';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION twin.drop_key(rel regclass, given text, along boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    key twin.table_key;
BEGIN
    SELECT * INTO key FROM twin.table_key WHERE relation = rel AND name = given;
    IF key.id IS NULL THEN
        RAISE EXCEPTION 'constraint "%" of relation "%" does not exist', given,
            (SELECT relname FROM pg_class WHERE oid = rel) USING ERRCODE = '42704';
    END IF;
    IF key.kind IN ('p', 'u') THEN
        IF along THEN
            DELETE FROM twin.table_key WHERE target = rel AND target_columns <@ key.columns;
        ELSIF EXISTS (SELECT FROM twin.table_key k JOIN pg_class c ON c.oid = k.relation
                      WHERE k.target = rel AND k.target_columns <@ key.columns) THEN
            RAISE EXCEPTION 'cannot drop constraint % because other objects depend on it', given
                USING ERRCODE = '2BP01', HINT = 'Use DROP ... CASCADE to drop the dependent objects too.';
        END IF;
    END IF;
    DELETE FROM twin.table_key WHERE id = key.id;
END $$;

-- A table whose key others reference, or a column of a key, is dropped with CASCADE only.
CREATE OR REPLACE FUNCTION twin.free_table(rel regclass, along boolean) RETURNS void
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF along THEN
        DELETE FROM twin.table_key WHERE target = rel;
    ELSIF EXISTS (SELECT FROM twin.table_key k JOIN pg_class c ON c.oid = k.relation
                  WHERE k.target = rel AND k.relation <> rel) THEN
        RAISE EXCEPTION 'cannot drop table % because other objects depend on it',
            (SELECT relname FROM pg_class WHERE oid = rel)
            USING ERRCODE = '2BP01', HINT = 'Use DROP ... CASCADE to drop the dependent objects too.';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION twin.free_column(rel regclass, name text, along boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    number smallint := (SELECT attnum FROM pg_attribute WHERE attrelid = rel AND attname = name AND NOT attisdropped);
    stored twin.column_storage;
BEGIN
    IF (SELECT count(*) FROM pg_attribute WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped) = 1 THEN
        RAISE EXCEPTION 'cannot drop column "%": a table must have at least one column', name USING ERRCODE = '0A000';
    END IF;
    SELECT * INTO stored FROM twin.column_storage WHERE relation = rel AND attnum = number;
    IF stored.distkey THEN
        RAISE EXCEPTION 'cannot drop distkey column "%"', name USING ERRCODE = '0A000';
    ELSIF stored.sortkey <> 0 THEN
        RAISE EXCEPTION 'cannot drop sortkey column "%"', name USING ERRCODE = '0A000';
    END IF;
    IF along THEN
        DELETE FROM twin.table_key
        WHERE (relation = rel AND number = ANY (columns)) OR (target = rel AND number = ANY (target_columns));
    ELSIF EXISTS (SELECT FROM twin.table_key WHERE (relation = rel AND number = ANY (columns))
                  OR (target = rel AND number = ANY (target_columns))) THEN
        RAISE EXCEPTION 'cannot drop table % column % because other objects depend on it',
            (SELECT relname FROM pg_class WHERE oid = rel), name
            USING ERRCODE = '2BP01', HINT = 'Use DROP ... CASCADE to drop the dependent objects too.';
    END IF;
END $$;

-- Views. One that is bound replaces only one of the same columns; PostgreSQL would take further columns too.
CREATE OR REPLACE FUNCTION twin.note_width(rel regclass) RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT set_config('twin.view_width', CASE WHEN EXISTS (SELECT FROM twin.late_view WHERE relation = rel) THEN ''
        ELSE (SELECT nullif(count(*), 0)::text FROM pg_attribute WHERE attrelid = rel AND attnum > 0) END, true) $$;
CREATE OR REPLACE FUNCTION twin.check_width(rel regclass) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF nullif(current_setting('twin.view_width', true), '')::integer
        <> (SELECT count(*) FROM pg_attribute WHERE attrelid = rel AND attnum > 0) THEN
        RAISE EXCEPTION 'cannot change number of columns in view' USING ERRCODE = '42P16';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION twin.refuse_write(verb text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cannot % a view', verb USING ERRCODE = '0A000';
END $$;
-- PostgreSQL would write to the table behind a simple view.
CREATE OR REPLACE FUNCTION twin.bind_view(rel regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    rule text := 'CREATE OR REPLACE RULE %s AS ON %s TO %s DO INSTEAD SELECT twin.refuse_write(%L)';
BEGIN
    DELETE FROM twin.late_view WHERE relation = rel;
    EXECUTE format(rule, 'no_insert', 'INSERT', rel, 'insert into');
    EXECUTE format(rule, 'no_update', 'UPDATE', rel, 'update');
    EXECUTE format(rule, 'no_delete', 'DELETE', rel, 'delete from');
END $$;
CREATE OR REPLACE FUNCTION twin.make_late_view(
    name text, replaces boolean, definition text, translated text, schemas text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    missing text := (SELECT min(s) FROM unnest(schemas) AS s WHERE to_regnamespace(quote_ident(s)) IS NULL);
    known regclass := to_regclass(name);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" does not exist', missing USING ERRCODE = '3F000';
    END IF;
    IF known IS NULL OR NOT replaces THEN
        EXECUTE format('CREATE VIEW %s AS SELECT', name);
    ELSIF NOT EXISTS (SELECT FROM twin.late_view WHERE relation = known) THEN
        RAISE EXCEPTION 'Replacing %, which is no late-binding view, by one is not supported by the local Redshift twin',
            name USING ERRCODE = '0A000', DETAIL = 'Drop it first.';
    END IF;
    PERFORM twin.keep_late_view(to_regclass(name), definition, translated);
END $$;

CREATE OR REPLACE FUNCTION twin.refuse_view(rel regclass) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE oid = rel AND relkind <> 'r') THEN
        RAISE EXCEPTION '"%" is not a table', (SELECT relname FROM pg_class WHERE oid = rel) USING ERRCODE = '42809';
    END IF;
END $$;
