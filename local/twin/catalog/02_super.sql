-- SUPER: a type of its own with jsonb's form, so that casts and comparisons follow Redshift's rules of
-- dynamic typing (AWS, "Querying semistructured data") and not PostgreSQL's rules of jsonb.

CREATE OR REPLACE PROCEDURE twin.once(statements text[]) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN duplicate_object OR duplicate_function THEN NULL;
        END;
    END LOOP;
END $$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_type WHERE typname = 'super' AND typtype = 'd') THEN
        RAISE EXCEPTION 'this database was made by an older twin: remove it and start again';
    END IF;
    IF to_regtype('pg_catalog.super') IS NULL THEN
        CREATE TYPE pg_catalog.super;
        CREATE FUNCTION twin.super_in(cstring) RETURNS super LANGUAGE internal IMMUTABLE STRICT AS 'jsonb_in';
        CREATE FUNCTION twin.super_out(super) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'jsonb_out';
        CREATE FUNCTION twin.super_recv(internal) RETURNS super LANGUAGE internal IMMUTABLE STRICT AS 'jsonb_recv';
        CREATE FUNCTION twin.super_send(super) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'jsonb_send';
        CREATE TYPE pg_catalog.super (INPUT = twin.super_in, OUTPUT = twin.super_out, RECEIVE = twin.super_recv,
            SEND = twin.super_send, LIKE = jsonb);
    END IF;
END $$;
CALL twin.once(ARRAY[
    'CREATE CAST (super AS jsonb) WITHOUT FUNCTION',
    'CREATE CAST (jsonb AS super) WITHOUT FUNCTION'
]);

-- Scalars become SUPER by assignment; dates and times never do.
DO $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'boolean', 'text', 'varchar', 'char']
    LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION twin.boxed(v %s) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS '
            '''SELECT to_jsonb(v)::super''', kind);
        CALL twin.once(ARRAY[format('CREATE CAST (%s AS super) WITH FUNCTION twin.boxed(%s) AS ASSIGNMENT', kind, kind)]);
    END LOOP;
END $$;

-- A cast of what doesn't fit gives NULL, and so does the cast of an array or an object to text.
CREATE OR REPLACE FUNCTION twin.as_text(s super) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN jsonb_typeof(s::jsonb) IN ('string', 'number', 'boolean') THEN s::jsonb #>> '{}' END $$;
CREATE OR REPLACE FUNCTION twin.as_numeric(s super) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN CASE WHEN jsonb_typeof(s::jsonb) IN ('string', 'number') THEN (s::jsonb #>> '{}')::numeric END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION twin.as_boolean(s super) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN CASE jsonb_typeof(s::jsonb) WHEN 'boolean' THEN s::jsonb::boolean
        WHEN 'number' THEN CASE WHEN scale((s::jsonb)::numeric) = 0 THEN (s::jsonb)::numeric <> 0 END
        WHEN 'string' THEN (s::jsonb #>> '{}')::boolean END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
DO $$
DECLARE
    kind text;
    number boolean;
BEGIN
    CALL twin.once(ARRAY[
        'CREATE CAST (super AS text) WITH FUNCTION twin.as_text(super)',
        'CREATE CAST (super AS numeric) WITH FUNCTION twin.as_numeric(super)',
        'CREATE CAST (super AS boolean) WITH FUNCTION twin.as_boolean(super)']);
    FOR kind, number IN VALUES ('varchar', false), ('bpchar', false), ('smallint', true), ('integer', true), ('bigint', true),
        ('real', true), ('double precision', true), ('date', false), ('timestamp', false), ('timestamptz', false), ('time', false)
    LOOP
        EXECUTE format($f$
            CREATE OR REPLACE FUNCTION twin.as_%s(s super) RETURNS %s LANGUAGE plpgsql STABLE STRICT AS $b$
            BEGIN
                RETURN twin.as_%s(s)::%s;
            EXCEPTION WHEN data_exception THEN
                RETURN NULL;
            END $b$ $f$,
            split_part(kind, ' ', 1), kind, CASE WHEN number THEN 'numeric' ELSE 'text' END, kind);
        CALL twin.once(ARRAY[format('CREATE CAST (super AS %s) WITH FUNCTION twin.as_%s(super)', kind, split_part(kind, ' ', 1))]);
    END LOOP;
END $$;

-- The order of types is boolean, number, string, array, object; blanks at the end of strings do not count.
CREATE OR REPLACE FUNCTION twin.super_rank(j jsonb) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT array_position(ARRAY['boolean', 'number', 'string', 'array', 'object', 'null'], jsonb_typeof(j)) $$;
CREATE OR REPLACE FUNCTION twin.super_cmp(a super, b super) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE
        WHEN jsonb_typeof(a::jsonb) <> jsonb_typeof(b::jsonb)
            THEN sign(twin.super_rank(a::jsonb) - twin.super_rank(b::jsonb))::integer
        WHEN jsonb_typeof(a::jsonb) = 'string'
            THEN bttextcmp(rtrim(a::jsonb #>> '{}', ' ') COLLATE "C", rtrim(b::jsonb #>> '{}', ' ') COLLATE "C")
        ELSE jsonb_cmp(a::jsonb, b::jsonb) END $$;
CREATE OR REPLACE FUNCTION twin.super_ordered(a super, b super) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN jsonb_typeof(a::jsonb) = jsonb_typeof(b::jsonb) AND jsonb_typeof(a::jsonb) <> 'null'
    THEN twin.super_cmp(a, b) END $$;
CREATE OR REPLACE FUNCTION twin.super_same(a super, b super) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN 'null' NOT IN (jsonb_typeof(a::jsonb), jsonb_typeof(b::jsonb)) THEN twin.super_cmp(a, b) = 0 END $$;

-- For sorting and grouping only: in the schema twin, where no statement's = can find them. If they could
-- be found, PostgreSQL would read the other side's 'text' as JSON.
DO $$
DECLARE
    sign text;
    label text;
BEGIN
    FOR sign, label IN VALUES ('<', 'lt'), ('<=', 'le'), ('=', 'eq'), ('>=', 'ge'), ('>', 'gt') LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION twin.sorts_%s(a super, b super) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS '
            '''SELECT twin.super_cmp(a, b) %s 0''', label, sign);
        CALL twin.once(ARRAY[format('CREATE OPERATOR twin.%s (LEFTARG = super, RIGHTARG = super, FUNCTION = twin.sorts_%s)', sign, label)]);
    END LOOP;
    CALL twin.once(ARRAY['CREATE OPERATOR CLASS twin.super_ops DEFAULT FOR TYPE super USING btree AS
        OPERATOR 1 twin.<, OPERATOR 2 twin.<=, OPERATOR 3 twin.=, OPERATOR 4 twin.>=, OPERATOR 5 twin.>,
        FUNCTION 1 twin.super_cmp(super, super)']);
END $$;

-- Comparisons: = of different types is false, an order between different types is NULL.
CREATE OR REPLACE FUNCTION twin.super_arithmetic(a super, sign text, b super) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(a::jsonb) = 'number' AND jsonb_typeof(b::jsonb) = 'number' THEN
        to_jsonb(CASE sign WHEN '+' THEN (a::jsonb)::numeric + (b::jsonb)::numeric
            WHEN '-' THEN (a::jsonb)::numeric - (b::jsonb)::numeric
            ELSE (a::jsonb)::numeric * (b::jsonb)::numeric END)::super END $$;
DO $$
DECLARE
    sign text;
    label text;
    kind text;
    body text;
    sides text[];
BEGIN
    FOR sign, label IN VALUES ('<', 'lt'), ('<=', 'le'), ('=', 'eq'), ('<>', 'ne'), ('>=', 'ge'), ('>', 'gt'), ('+', 'plus'), ('-', 'minus'), ('*', 'times')
    LOOP
        body := CASE WHEN sign = '=' THEN 'SELECT twin.super_same(a::super, b::super)'
            WHEN sign = '<>' THEN 'SELECT NOT twin.super_same(a::super, b::super)'
            WHEN sign IN ('+', '-', '*') THEN format('SELECT twin.super_arithmetic(a::super, %L, b::super)', sign)
            ELSE format('SELECT twin.super_ordered(a::super, b::super) %s 0', sign) END;
        FOREACH kind IN ARRAY ARRAY['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'boolean', 'text', 'anyelement']
        LOOP
            FOREACH sides SLICE 1 IN ARRAY ARRAY[['super', kind], [kind, 'super']] LOOP
                CONTINUE WHEN sides[1] = 'anyelement' OR (sign IN ('+', '-', '*') AND kind IN ('boolean', 'text'));
                EXECUTE format('CREATE OR REPLACE FUNCTION twin.super_%s(a %s, b %s) RETURNS %s LANGUAGE sql IMMUTABLE STRICT AS %L',
                    label, sides[1], sides[2], CASE WHEN sign IN ('+', '-', '*') THEN 'super' ELSE 'boolean' END, body);
                CALL twin.once(ARRAY[format('CREATE OPERATOR pg_catalog.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = twin.super_%s)',
                    sign, sides[1], sides[2], label)]);
            END LOOP;
        END LOOP;
    END LOOP;
END $$;

-- Paths, unnesting and constructors, as the twin's SQL names them.
CREATE OR REPLACE FUNCTION twin.key(s super, key text) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN jsonb_typeof(s::jsonb) = 'object' THEN nullif(s::jsonb -> key, 'null')::super END $$;
CREATE OR REPLACE FUNCTION twin.element(s super, n bigint) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN jsonb_typeof(s::jsonb) = 'array' AND n >= 0 THEN nullif(s::jsonb -> n::integer, 'null')::super END $$;
CREATE OR REPLACE FUNCTION twin.elements_at(s super, OUT value super, OUT index bigint) RETURNS SETOF record LANGUAGE sql IMMUTABLE AS
$$ SELECT v::super, n - 1 FROM jsonb_array_elements(CASE jsonb_typeof(s::jsonb) WHEN 'array' THEN s::jsonb ELSE '[]' END)
    WITH ORDINALITY AS e(v, n) $$;
CREATE OR REPLACE FUNCTION twin.elements(s super) RETURNS SETOF super LANGUAGE sql IMMUTABLE AS
$$ SELECT value FROM twin.elements_at(s) ORDER BY index $$;
CREATE OR REPLACE FUNCTION twin.attributes_at(s super, OUT value super, OUT attribute varchar) RETURNS SETOF record LANGUAGE sql IMMUTABLE AS
$$ SELECT v::super, k FROM jsonb_each(CASE jsonb_typeof(s::jsonb) WHEN 'object' THEN s::jsonb ELSE '{}' END) AS e(k, v) $$;
CREATE OR REPLACE FUNCTION twin.attributes(s super) RETURNS SETOF super LANGUAGE sql IMMUTABLE AS
$$ SELECT value FROM twin.attributes_at(s) $$;
CREATE OR REPLACE FUNCTION twin.array_of(parts super[]) RETURNS super LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(to_jsonb(parts::jsonb[]), '[]')::super $$;
CREATE OR REPLACE FUNCTION twin.object_of(keys text[], parts super[]) RETURNS super LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(jsonb_object_agg(k, coalesce(p::jsonb, 'null')), '{}')::super FROM unnest(keys, parts) AS e(k, p) $$;

-- Functions of SUPER. Those that ask for a type say false of NULL.
CREATE OR REPLACE FUNCTION pg_catalog.json_typeof(s super) RETURNS varchar LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s::jsonb) $$;
CREATE OR REPLACE FUNCTION pg_catalog.get_array_length(s super) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE jsonb_typeof(s::jsonb) WHEN 'array' THEN jsonb_array_length(s::jsonb) END $$;
CREATE OR REPLACE FUNCTION pg_catalog.array_concat(a super, b super) RETURNS super LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN jsonb_typeof(a::jsonb) = 'array' AND jsonb_typeof(b::jsonb) = 'array' THEN (a::jsonb || b::jsonb)::super END $$;
CREATE OR REPLACE FUNCTION pg_catalog.array_flatten(s super) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT coalesce(jsonb_agg(i ORDER BY n, m), '[]')::super
    FROM jsonb_array_elements(CASE jsonb_typeof(s::jsonb) WHEN 'array' THEN s::jsonb END) WITH ORDINALITY AS e(v, n),
        jsonb_array_elements(CASE jsonb_typeof(v) WHEN 'array' THEN v ELSE jsonb_build_array(v) END) WITH ORDINALITY AS f(i, m) $$;
CREATE OR REPLACE FUNCTION pg_catalog.subarray(s super, start bigint, length bigint) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE jsonb_typeof(s::jsonb) WHEN 'array' THEN (
        SELECT coalesce(jsonb_agg(v ORDER BY n), '[]') FROM jsonb_array_elements(s::jsonb) WITH ORDINALITY AS e(v, n),
            LATERAL (SELECT CASE WHEN start < 0 THEN jsonb_array_length(s::jsonb) + start ELSE start END AS first) f
        WHERE n > first AND n <= first + length) END::super $$;
CREATE OR REPLACE FUNCTION pg_catalog.split_to_array(t text, delimiter text DEFAULT ',') RETURNS super LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT to_jsonb(string_to_array(t, delimiter))::super $$;
CREATE OR REPLACE FUNCTION twin.number_of(s super) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE jsonb_typeof(s::jsonb) WHEN 'number' THEN (s::jsonb)::numeric END $$;
CREATE OR REPLACE FUNCTION twin.is_integer_within(s super, most numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(scale(twin.number_of(s)) = 0 AND twin.number_of(s) BETWEEN -most - 1 AND most, false) $$;
DO $$
DECLARE
    label text;
    test text;
BEGIN
    FOR label, test IN VALUES
        ('is_array', 'jsonb_typeof(s::jsonb) = ''array'''),
        ('is_object', 'jsonb_typeof(s::jsonb) = ''object'''),
        ('is_scalar', 'jsonb_typeof(s::jsonb) IN (''string'', ''number'', ''boolean'')'),
        ('is_varchar', 'jsonb_typeof(s::jsonb) = ''string'''),
        ('is_char', 'jsonb_typeof(s::jsonb) = ''string'' AND octet_length(s::jsonb #>> ''{}'') = char_length(s::jsonb #>> ''{}'')'),
        ('is_boolean', 'jsonb_typeof(s::jsonb) = ''boolean'''),
        ('is_smallint', 'twin.is_integer_within(s, 32767)'),
        ('is_integer', 'twin.is_integer_within(s, 2147483647)'),
        ('is_bigint', 'twin.is_integer_within(s, 9223372036854775807)')
    LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION pg_catalog.%s(s super) RETURNS boolean LANGUAGE sql IMMUTABLE AS ''SELECT coalesce(%s, false)''',
            label, replace(test, '''', ''''''));
    END LOOP;
END $$;
