-- What PostgreSQL does with strings by functions and casts of its own, in Redshift's way.

-- No BOOLEAN becomes a string.
CREATE OR REPLACE FUNCTION twin.refused_text(boolean) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE EXCEPTION 'cannot cast type boolean to character varying' USING ERRCODE = '42846';
END $$;

-- A length is one of bytes; a character that a cast would cut in two is left out.
CREATE OR REPLACE FUNCTION twin.first_bytes(t text, most integer) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    bytes bytea := convert_to(t, 'UTF8');
BEGIN
    WHILE most > 0 AND get_byte(bytes, most) & 192 = 128 LOOP
        most := most - 1;
    END LOOP;
    RETURN convert_from(substring(bytes FOR most), 'UTF8');
END $$;
CREATE OR REPLACE FUNCTION twin.varchar_of_bytes(t varchar, modifier integer, explicit boolean) RETURNS varchar
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    -- PostgreSQL's modifier of the type counts four more
    most integer := modifier - 4;
BEGIN
    IF most < 0 OR octet_length(t) <= most THEN
        RETURN t;
    ELSIF NOT explicit AND octet_length(rtrim(t, ' ')) > most THEN
        RAISE EXCEPTION 'value too long for type character varying(%)', most USING ERRCODE = '22001';
    END IF;
    RETURN twin.first_bytes(t, most);
END $$;

-- These casts are PostgreSQL's own, which no CREATE CAST replaces.
UPDATE pg_catalog.pg_cast SET castfunc = 'twin.refused_text(boolean)'::regprocedure
    WHERE castsource = 'boolean'::regtype AND casttarget IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
        AND castfunc <> 'twin.refused_text(boolean)'::regprocedure;
UPDATE pg_catalog.pg_cast SET castfunc = 'twin.varchar_of_bytes(varchar, integer, boolean)'::regprocedure
    WHERE castsource = 'varchar'::regtype AND casttarget = 'varchar'::regtype
        AND castfunc <> 'twin.varchar_of_bytes(varchar, integer, boolean)'::regprocedure;

-- Cases of letters beyond ASCII's, which the collation of databases that sort by bytes does not know.
DO $$
DECLARE
    letters text := (
        SELECT quote_ident(collname) FROM pg_collation
        WHERE collname IN ('pg_c_utf8', 'C.utf8', 'und-x-icu') AND collnamespace = 'pg_catalog'::regnamespace
        ORDER BY array_position(ARRAY['pg_c_utf8', 'C.utf8', 'und-x-icu'], collname::text) LIMIT 1);
    function text;
BEGIN
    FOREACH function IN ARRAY ARRAY['lower', 'upper', 'initcap'] LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION twin.%s_of_collation(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT AS %L',
            function, function);
        EXECUTE format('CREATE OR REPLACE FUNCTION pg_catalog.%s(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS '
            '''SELECT twin.%s_of_collation($1 COLLATE %s)''', function, function, letters);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.current_user_id() RETURNS integer LANGUAGE sql STABLE AS
$$ SELECT usesysid::integer FROM pg_catalog.pg_user WHERE usename = current_user $$;
