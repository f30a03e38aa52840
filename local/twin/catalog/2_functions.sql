-- Redshift's functions under Redshift's names. They stand in pg_catalog, as there, so that no
-- client's search_path can hide them.

CREATE OR REPLACE FUNCTION twin.version() RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.99999' $$;

-- Kept in temporary sequences, because a sequence neither rolls back nor has a snapshot.
CREATE OR REPLACE FUNCTION twin.session_value(name text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    value bigint;
BEGIN
    EXECUTE format('SELECT last_value FROM pg_temp.%I', name) INTO value;
    RETURN value;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT twin.session_value('twin_copy_id') $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT twin.session_value('twin_copy_count') $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_query_id() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT twin.session_value('twin_copy_id') $$;

-- Time. GETDATE() is the statement's time, SYSDATE the transaction's; neither has a zone.
CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE AS
$$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION pg_catalog.sysdate() RETURNS timestamp LANGUAGE sql STABLE AS
$$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;

CREATE OR REPLACE FUNCTION twin.date_part_name(part text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    name text := lower(part);
BEGIN
    RETURN CASE
        WHEN name IN ('millennium', 'millennia', 'mil', 'mils') THEN 'millennium'
        WHEN name IN ('century', 'centuries', 'c', 'cent', 'cents') THEN 'century'
        WHEN name IN ('decade', 'decades', 'dec', 'decs') THEN 'decade'
        WHEN name IN ('year', 'years', 'y', 'yr', 'yrs') THEN 'year'
        WHEN name IN ('quarter', 'quarters', 'qtr', 'qtrs') THEN 'quarter'
        WHEN name IN ('month', 'months', 'mon', 'mons') THEN 'month'
        WHEN name IN ('week', 'weeks', 'w') THEN 'week'
        WHEN name IN ('day', 'days', 'd') THEN 'day'
        WHEN name IN ('hour', 'hours', 'h', 'hr', 'hrs') THEN 'hour'
        WHEN name IN ('minute', 'minutes', 'm', 'min', 'mins') THEN 'minute'
        WHEN name IN ('second', 'seconds', 's', 'sec', 'secs') THEN 'second'
        WHEN name IN ('millisecond', 'milliseconds', 'ms', 'msec', 'msecs', 'msecond', 'mseconds', 'millisec', 'millisecs', 'millisecon') THEN 'millisecond'
        WHEN name IN ('microsecond', 'microseconds', 'us', 'usec', 'usecs', 'usecond', 'useconds', 'microsec', 'microsecs', 'microsecond') THEN 'microsecond'
    END;
END $$;

CREATE OR REPLACE FUNCTION twin.known_date_part(part text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    name text := twin.date_part_name(part);
BEGIN
    IF name IS NULL THEN
        RAISE EXCEPTION 'date part "%" not recognized', part USING ERRCODE = '22023';
    END IF;
    RETURN name;
END $$;

CREATE OR REPLACE FUNCTION twin.date_parts(part text, n bigint) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE twin.known_date_part(part)
        WHEN 'quarter' THEN n * interval '3 months'
        WHEN 'microsecond' THEN n * interval '1 microsecond'
        WHEN 'millisecond' THEN n * interval '1 millisecond'
        ELSE n * ('1 ' || twin.known_date_part(part))::interval
    END $$;
-- Redshift keeps a month's last day: 30 November is 31 December a month later only by LAST_DAY,
-- otherwise DATEADD clips to the shorter month, as PostgreSQL's interval does.
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, n bigint, t timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS $$ SELECT t + twin.date_parts(part, n) $$;
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, n bigint, t timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$ SELECT t + twin.date_parts(part, n) $$;
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, n bigint, t date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS $$ SELECT t::timestamp + twin.date_parts(part, n) $$;

-- DATEDIFF counts the boundaries of the part that lie between two times.
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, a timestamp, b timestamp) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE twin.known_date_part(part)
        WHEN 'millennium' THEN extract(millennium FROM b)::bigint - extract(millennium FROM a)::bigint
        WHEN 'century' THEN extract(century FROM b)::bigint - extract(century FROM a)::bigint
        WHEN 'decade' THEN extract(decade FROM b)::bigint - extract(decade FROM a)::bigint
        WHEN 'year' THEN extract(year FROM b)::bigint - extract(year FROM a)::bigint
        WHEN 'quarter' THEN (extract(year FROM b) * 4 + extract(quarter FROM b) - extract(year FROM a) * 4 - extract(quarter FROM a))::bigint
        WHEN 'month' THEN (extract(year FROM b) * 12 + extract(month FROM b) - extract(year FROM a) * 12 - extract(month FROM a))::bigint
        -- Redshift's weeks for DATEDIFF begin on Sunday
        WHEN 'week' THEN ((b::date - extract(dow FROM b)::integer) - (a::date - extract(dow FROM a)::integer)) / 7
        WHEN 'day' THEN (b::date - a::date)::bigint
        WHEN 'hour' THEN (extract(epoch FROM date_trunc('hour', b)) - extract(epoch FROM date_trunc('hour', a)))::bigint / 3600
        WHEN 'minute' THEN (extract(epoch FROM date_trunc('minute', b)) - extract(epoch FROM date_trunc('minute', a)))::bigint / 60
        WHEN 'second' THEN (extract(epoch FROM date_trunc('second', b)) - extract(epoch FROM date_trunc('second', a)))::bigint
        WHEN 'millisecond' THEN floor(extract(epoch FROM b) * 1000)::bigint - floor(extract(epoch FROM a) * 1000)::bigint
        WHEN 'microsecond' THEN (extract(epoch FROM b) * 1000000)::bigint - (extract(epoch FROM a) * 1000000)::bigint
    END $$;
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, a timestamptz, b timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT datediff(part, a AT TIME ZONE 'UTC', b AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, a date, b date) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT datediff(part, a::timestamp, b::timestamp) $$;

CREATE OR REPLACE FUNCTION pg_catalog.date_trunc(part text, d date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS $$ SELECT date_trunc(part, d::timestamp) $$;
CREATE OR REPLACE FUNCTION pg_catalog.last_day(t timestamp) RETURNS date
    LANGUAGE sql IMMUTABLE AS $$ SELECT (date_trunc('month', t) + interval '1 month - 1 day')::date $$;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(target text, t timestamp) RETURNS timestamp
    LANGUAGE sql STABLE AS $$ SELECT t AT TIME ZONE 'UTC' AT TIME ZONE target $$;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(source text, target text, t timestamp) RETURNS timestamp
    LANGUAGE sql STABLE AS $$ SELECT t AT TIME ZONE source AT TIME ZONE target $$;

-- Text and numbers.
CREATE OR REPLACE FUNCTION pg_catalog.len(t text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT length(t) $$;
CREATE OR REPLACE FUNCTION pg_catalog.charindex(part text, whole text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT position(part IN whole) $$;
CREATE OR REPLACE FUNCTION pg_catalog.round(x double precision, n integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT round(x::numeric, n)::double precision $$;
CREATE OR REPLACE FUNCTION pg_catalog.trunc(x double precision, n integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT trunc(x::numeric, n)::double precision $$;

-- JSON in text.
CREATE OR REPLACE FUNCTION twin.compact(j jsonb) RETURNS text LANGUAGE sql IMMUTABLE
SET standard_conforming_strings = on AS
$$ SELECT regexp_replace(j::text, '("([^"\\]|\\.)*")|\s+', '\1', 'g') $$;
CREATE OR REPLACE FUNCTION twin.as_text(j jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE jsonb_typeof(j) WHEN 'object' THEN twin.compact(j) WHEN 'array' THEN twin.compact(j)
    WHEN 'null' THEN NULL ELSE j #>> '{}' END $$;
CREATE OR REPLACE FUNCTION twin.json_or_null(t text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN t::jsonb;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(t text) RETURNS super LANGUAGE sql IMMUTABLE AS
$$ SELECT t::jsonb::super $$;
CREATE OR REPLACE FUNCTION pg_catalog.can_json_parse(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN t IS NOT NULL THEN twin.json_or_null(t) IS NOT NULL END $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_serialize(s super) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT twin.compact(s) $$;
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
    RETURN CASE WHEN t IS NOT NULL THEN twin.as_text(document #> path) END;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_path_text(t text, VARIADIC path text[]) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.json_path_text(t, path, false) $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_array_element_text(t text, n integer) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.json_path_text(t, ARRAY[n::text], false) $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_array_length(t text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_array_length(t::jsonb) $$;

-- SUPER.
CREATE OR REPLACE FUNCTION pg_catalog.json_typeof(s super) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s) $$;
CREATE OR REPLACE FUNCTION pg_catalog.get_array_length(s super) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE jsonb_typeof(s) WHEN 'array' THEN jsonb_array_length(s) END $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_array(s super) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s) = 'array' $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_object(s super) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s) = 'object' $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_scalar(s super) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s) IN ('string', 'number', 'boolean', 'null') $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_varchar(s super) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s) = 'string' $$;
CREATE OR REPLACE FUNCTION pg_catalog.is_boolean(s super) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_typeof(s) = 'boolean' $$;
