-- Redshift's functions of time under Redshift's names; those in the schema twin take the part as text.

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
-- Months that are too short give their last day; years after a 29 February give the 1 March.
CREATE OR REPLACE FUNCTION twin.dateadd(part text, n bigint, t timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT t + twin.date_parts(part, n) + CASE
        WHEN twin.known_date_part(part) IN ('year', 'decade', 'century', 'millennium') AND to_char(t, 'MMDD') = '0229'
            AND to_char(t + twin.date_parts(part, n), 'DD') = '28' THEN interval '1 day' ELSE interval '0' END $$;
CREATE OR REPLACE FUNCTION twin.dateadd(part text, n bigint, t timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$ SELECT twin.dateadd(part, n, t AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' $$;
CREATE OR REPLACE FUNCTION twin.dateadd(part text, n bigint, t date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.dateadd(part, n, t::timestamp) $$;
CREATE OR REPLACE FUNCTION twin.dateadd(part text, n bigint, t time) RETURNS time
    LANGUAGE sql IMMUTABLE AS $$ SELECT t + twin.date_parts(part, n) $$;

-- DATEDIFF counts the boundaries of the part that lie between two times.
CREATE OR REPLACE FUNCTION twin.datediff(part text, a timestamp, b timestamp) RETURNS bigint
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
CREATE OR REPLACE FUNCTION twin.datediff(part text, a timestamptz, b timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.datediff(part, a AT TIME ZONE 'UTC', b AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION twin.datediff(part text, a date, b date) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.datediff(part, a::timestamp, b::timestamp) $$;

CREATE OR REPLACE FUNCTION twin.date_trunc(part text, t timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.date_trunc(twin.known_date_part(part), t) $$;
CREATE OR REPLACE FUNCTION twin.date_trunc(part text, t timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$ SELECT pg_catalog.date_trunc(twin.known_date_part(part), t) $$;
CREATE OR REPLACE FUNCTION twin.date_trunc(part text, d date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.date_trunc(twin.known_date_part(part), d::timestamp) $$;

CREATE OR REPLACE FUNCTION twin.datediff(part text, a time, b time) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.datediff(part, '2000-01-01'::date + a, '2000-01-01'::date + b) $$;

-- EXTRACT and DATE_PART: milliseconds and microseconds are those of the second, not of the minute.
CREATE OR REPLACE FUNCTION twin.extracted(part text, t timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN lower(part) IN ('dow', 'dayofweek', 'dw', 'weekday') THEN pg_catalog.extract('dow', t)
        WHEN lower(part) IN ('doy', 'dayofyear', 'dy', 'yearday') THEN pg_catalog.extract('doy', t)
        WHEN lower(part) = 'epoch' THEN pg_catalog.extract('epoch', t)
        WHEN twin.known_date_part(part) = 'millisecond' THEN floor(pg_catalog.extract('millisecond', t))::bigint % 1000
        WHEN twin.known_date_part(part) = 'microsecond' THEN pg_catalog.extract('microsecond', t)::bigint % 1000000
        ELSE pg_catalog.extract(twin.known_date_part(part), t) END $$;
CREATE OR REPLACE FUNCTION twin.extract(part text, t timestamp) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT floor(twin.extracted(part, t))::bigint $$;
CREATE OR REPLACE FUNCTION twin.extract(part text, d date) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.extract(part, d::timestamp) $$;
CREATE OR REPLACE FUNCTION twin.extract(part text, t timestamptz) RETURNS double precision
    LANGUAGE sql STABLE AS $$ SELECT twin.extracted(part, t AT TIME ZONE current_setting('TimeZone'))::double precision $$;
CREATE OR REPLACE FUNCTION twin.date_part(part text, t timestamp) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.extracted(part, t)::double precision $$;
CREATE OR REPLACE FUNCTION twin.date_part(part text, d date) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT twin.extracted(part, d::timestamp)::double precision $$;
CREATE OR REPLACE FUNCTION twin.date_part(part text, t timestamptz) RETURNS double precision
    LANGUAGE sql STABLE AS $$ SELECT twin.extract(part, t) $$;

CREATE OR REPLACE FUNCTION pg_catalog.last_day(t timestamp) RETURNS date
    LANGUAGE sql IMMUTABLE AS $$ SELECT (date_trunc('month', t) + interval '1 month - 1 day')::date $$;
CREATE OR REPLACE FUNCTION pg_catalog.add_months(t timestamp, n bigint) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN t::date = last_day(t) THEN last_day(t + n * interval '1 month') + t::time
        ELSE t + n * interval '1 month' END $$;
CREATE OR REPLACE FUNCTION pg_catalog.months_between(a timestamp, b timestamp) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT (twin.datediff('month', b, a) + CASE
        WHEN pg_catalog.extract('day', a) = pg_catalog.extract('day', b) OR (a::date = last_day(a) AND b::date = last_day(b)) THEN 0
        ELSE (pg_catalog.extract('epoch', a - pg_catalog.date_trunc('month', a))
            - pg_catalog.extract('epoch', b - pg_catalog.date_trunc('month', b))) / 86400 / 31 END)::double precision $$;
CREATE OR REPLACE FUNCTION pg_catalog.next_day(t timestamp, day text) RETURNS date LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    wanted integer := array_position(ARRAY['su', 'mo', 'tu', 'we', 'th', 'fr', 'sa'], lower(left(day, 2))) - 1;
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'Invalid day of week: %', day USING ERRCODE = '22023';
    END IF;
    RETURN t::date + 1 + (wanted - pg_catalog.extract('dow', t)::integer + 6) % 7;
END $$;
CREATE OR REPLACE FUNCTION pg_catalog.trunc(t timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS $$ SELECT t::date $$;
CREATE OR REPLACE FUNCTION pg_catalog.date_part_year(d date) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.extract('year', d)::integer $$;
CREATE OR REPLACE FUNCTION pg_catalog.timestamp_cmp_date(a timestamp, b date) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT timestamp_cmp(a, b::timestamp) $$;
CREATE OR REPLACE FUNCTION pg_catalog.date_cmp_timestamp(a date, b timestamp) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT timestamp_cmp(a::timestamp, b) $$;
CREATE OR REPLACE FUNCTION twin.to_timestamp(t text, format text, is_strict boolean DEFAULT false) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$ SELECT pg_catalog.to_timestamp(t, format) $$;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(target text, t timestamp) RETURNS timestamp
    LANGUAGE sql STABLE AS $$ SELECT t AT TIME ZONE 'UTC' AT TIME ZONE target $$;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(source text, target text, t timestamp) RETURNS timestamp
    LANGUAGE sql STABLE AS $$ SELECT t AT TIME ZONE source AT TIME ZONE target $$;

-- TO_DATE counts days beyond a month's end on into the next one, unless it is told to be strict.
CREATE OR REPLACE FUNCTION twin.to_date(t text, format text, is_strict boolean DEFAULT false) RETURNS date LANGUAGE plpgsql STABLE AS $$
DECLARE
    parts integer[];
BEGIN
    RETURN pg_catalog.to_date(t, format);
EXCEPTION WHEN datetime_field_overflow THEN
    SELECT array_agg(CASE WHEN place > 0 AND digits ~ '^[0-9]+$' THEN digits::integer END ORDER BY n) INTO parts
    FROM (SELECT n, position(name IN upper(format)) AS place, substr(t, position(name IN upper(format)), length(name)) AS digits
        FROM unnest(ARRAY['YYYY', 'MM', 'DD']) WITH ORDINALITY AS names (name, n)) AS found;
    IF is_strict OR array_position(parts, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'date/time field date value out of range: %', t USING ERRCODE = '22008';
    END IF;
    RETURN make_date(parts[1], 1, 1) + (parts[2] - 1) * interval '1 month' + (parts[3] - 1) * interval '1 day';
END $$;
