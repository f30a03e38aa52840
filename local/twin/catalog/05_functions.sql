-- Redshift's functions under Redshift's names. They stand in pg_catalog, as there, so that no
-- client's search_path can hide them.

CREATE OR REPLACE FUNCTION twin.version() RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.99999' $$;


-- Text and numbers.
CREATE OR REPLACE FUNCTION pg_catalog.len(t text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT length(t) $$;
CREATE OR REPLACE FUNCTION pg_catalog.charindex(part text, whole text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT position(part IN whole) $$;
CREATE OR REPLACE FUNCTION pg_catalog.round(x double precision, n integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT round(x::numeric, n)::double precision $$;
CREATE OR REPLACE FUNCTION pg_catalog.trunc(x double precision, n integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT trunc(x::numeric, n)::double precision $$;

CREATE OR REPLACE FUNCTION pg_catalog.textlen(t text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT length(t) $$;
CREATE OR REPLACE FUNCTION pg_catalog.replicate(t text, n integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT repeat(t, n) $$;
CREATE OR REPLACE FUNCTION pg_catalog.octetindex(part text, whole text) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN position(part IN whole) = 0 THEN 0 ELSE octet_length(left(whole, position(part IN whole) - 1)) + 1 END $$;
CREATE OR REPLACE FUNCTION twin.concat(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT a || b $$;
CREATE OR REPLACE FUNCTION twin.split_part(t text, delimiter text, n bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF n < 1 THEN
        RAISE EXCEPTION 'field position must be greater than zero' USING ERRCODE = '22023';
    END IF;
    RETURN pg_catalog.split_part(t, delimiter, n::integer);
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.strtol(t text, base integer) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    digits text := regexp_replace(lower(t), '^\s*[+-]?(0x)?', '');
    value numeric := 0;
    digit integer;
BEGIN
    FOR n IN 1 .. length(digits) LOOP
        digit := position(substr(digits, n, 1) IN '0123456789abcdefghijklmnopqrstuvwxyz') - 1;
        IF digit < 0 OR digit >= base THEN
            RAISE EXCEPTION 'The input % is not valid to be converted to base %', t, base USING ERRCODE = '22023';
        END IF;
        value := value * base + digit;
    END LOOP;
    RETURN CASE WHEN t LIKE '-%' THEN -value ELSE value END;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.sha2(t text, bits integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE bits WHEN 0 THEN encode(sha256(convert_to(t, 'UTF8')), 'hex') WHEN 224 THEN encode(sha224(convert_to(t, 'UTF8')), 'hex')
        WHEN 256 THEN encode(sha256(convert_to(t, 'UTF8')), 'hex') WHEN 384 THEN encode(sha384(convert_to(t, 'UTF8')), 'hex')
        WHEN 512 THEN encode(sha512(convert_to(t, 'UTF8')), 'hex') ELSE '' END $$;
-- CRC-32C, as Redshift's documentation says.
CREATE OR REPLACE FUNCTION pg_catalog.crc32(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    bytes bytea := convert_to(t, 'UTF8');
    crc bigint := 4294967295;
BEGIN
    FOR n IN 0 .. length(bytes) - 1 LOOP
        crc := crc # get_byte(bytes, n);
        FOR bit IN 1 .. 8 LOOP
            crc := (crc >> 1) # CASE WHEN crc & 1 = 1 THEN 2197175160 ELSE 0 END;
        END LOOP;
    END LOOP;
    RETURN lpad(to_hex(crc # 4294967295), 8, '0');
END $$;

-- Regular expressions. PCRE, which the parameter p asks for, is not PostgreSQL's.
CREATE OR REPLACE FUNCTION twin.regexp_flags(parameters text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF parameters LIKE '%p%' THEN
        RAISE EXCEPTION 'PCRE patterns are not supported by the local Redshift twin' USING ERRCODE = '0A000';
    END IF;
    IF parameters !~ '^[ice]*$' THEN
        RAISE EXCEPTION 'Invalid regular expression parameters: %', parameters USING ERRCODE = '22023';
    END IF;
    RETURN CASE WHEN parameters LIKE '%i%' THEN 'i' ELSE 'c' END;
END $$;
CREATE OR REPLACE FUNCTION twin.regexp_substr(t text, pattern text, start integer DEFAULT 1, occurrence integer DEFAULT 1, parameters text DEFAULT 'c')
    RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT coalesce(pg_catalog.regexp_substr(t, pattern, greatest(start, 1), occurrence, twin.regexp_flags(parameters),
    CASE WHEN parameters LIKE '%e%' THEN 1 ELSE 0 END), '') $$;
CREATE OR REPLACE FUNCTION twin.regexp_count(t text, pattern text, start integer DEFAULT 1, parameters text DEFAULT 'c')
    RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT pg_catalog.regexp_count(t, pattern, greatest(start, 1), twin.regexp_flags(parameters)) $$;
CREATE OR REPLACE FUNCTION twin.regexp_instr(t text, pattern text, start integer DEFAULT 1, occurrence integer DEFAULT 1, option integer DEFAULT 0,
    parameters text DEFAULT 'c') RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT pg_catalog.regexp_instr(t, pattern, greatest(start, 1), occurrence, least(option, 1), twin.regexp_flags(parameters)) $$;
CREATE OR REPLACE FUNCTION twin.regexp_replace(t text, pattern text, replacement text DEFAULT '', start integer DEFAULT 1, parameters text DEFAULT 'c')
    RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    -- how Redshift writes a group that was found is not documented
    IF replacement ~ '[$\\\\][0-9&]' THEN
        RAISE EXCEPTION 'A group in the replacement of REGEXP_REPLACE is not supported by the local Redshift twin' USING ERRCODE = '0A000';
    END IF;
    RETURN pg_catalog.regexp_replace(t, pattern, replacement, greatest(start, 1), 0, twin.regexp_flags(parameters));
END $$;

-- JSON in text.
CREATE OR REPLACE FUNCTION twin.compact(j jsonb) RETURNS text LANGUAGE sql IMMUTABLE
SET standard_conforming_strings = on AS
$$ SELECT regexp_replace(j::text, '("([^"\\]|\\.)*")|\s+', '\1', 'g') $$;
CREATE OR REPLACE FUNCTION twin.json_text(j jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE jsonb_typeof(j) WHEN 'object' THEN twin.compact(j) WHEN 'array' THEN twin.compact(j)
    WHEN 'null' THEN NULL ELSE j #>> '{}' END $$;
CREATE OR REPLACE FUNCTION twin.json_or_null(t text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN t::jsonb;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
-- A key that an object has twice is an error of JSON_PARSE: json_parse_dedup_attributes is off.
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(t text) RETURNS super LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF NOT t IS JSON WITH UNIQUE KEYS AND t IS JSON THEN
        RAISE EXCEPTION 'JSON parsing error' USING ERRCODE = 'XX000', DETAIL = 'an object has the same attribute twice';
    END IF;
    RETURN t::jsonb::super;
EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION 'JSON parsing error' USING ERRCODE = 'XX000', DETAIL = t;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.can_json_parse(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN t IS NOT NULL THEN twin.json_or_null(t) IS NOT NULL END $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_serialize(s super) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT twin.compact(s::jsonb) $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_size(s super) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT octet_length(twin.compact(s::jsonb)) $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN t IS NOT NULL THEN coalesce(jsonb_typeof(twin.json_or_null(t)) = 'object', false) END $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json_array(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN t IS NOT NULL THEN coalesce(jsonb_typeof(twin.json_or_null(t)) = 'array', false) END $$;
CREATE OR REPLACE FUNCTION twin.json_path_text(t text, path text[], null_if_invalid boolean) RETURNS text
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    document jsonb := twin.json_or_null(t);
BEGIN
    IF t IS NOT NULL AND document IS NULL THEN
        IF null_if_invalid THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION 'JSON parsing error' USING ERRCODE = 'XX000', DETAIL = t;
    END IF;
    RETURN CASE WHEN t IS NOT NULL THEN twin.json_text(document #> path) END;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_array_element_text(t text, n integer, null_if_invalid boolean DEFAULT false)
    RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN n >= 0 THEN twin.json_path_text(t, ARRAY[n::text], null_if_invalid) END $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_array_length(t text, null_if_invalid boolean DEFAULT false) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    document jsonb := twin.json_or_null(t);
BEGIN
    IF jsonb_typeof(document) = 'array' THEN
        RETURN jsonb_array_length(document);
    ELSIF null_if_invalid THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'JSON array parsing error' USING ERRCODE = 'XX000', DETAIL = t;
END $$;

-- MERGE ... REMOVE DUPLICATES with a source of which several rows match one of the target's.
CREATE OR REPLACE FUNCTION twin.one_match(fine boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT fine THEN
        RAISE EXCEPTION 'Found multiple matches to update the same tuple.' USING ERRCODE = 'XX000';
    END IF;
    RETURN true;
END $$;
