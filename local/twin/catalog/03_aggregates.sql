-- Aggregates, all of which may also stand before OVER.

-- The second argument only tells the type: AVG and SUM of integers are BIGINT, of DECIMALs they keep the scale.
CREATE OR REPLACE FUNCTION twin.averaged(mean numeric, sample bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT trunc(mean)::bigint $$;
CREATE OR REPLACE FUNCTION twin.averaged(mean numeric, sample integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT trunc(mean)::bigint $$;
CREATE OR REPLACE FUNCTION twin.averaged(mean numeric, sample smallint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT trunc(mean)::bigint $$;
CREATE OR REPLACE FUNCTION twin.averaged(mean numeric, sample numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT trunc(mean, scale(sample)) $$;
CREATE OR REPLACE FUNCTION twin.averaged(mean double precision, sample double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT mean $$;
CREATE OR REPLACE FUNCTION twin.averaged(mean double precision, sample real) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT mean $$;
CREATE OR REPLACE FUNCTION twin.summed(total numeric, sample bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT total::bigint $$;
CREATE OR REPLACE FUNCTION twin.summed(total bigint, sample integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT total $$;
CREATE OR REPLACE FUNCTION twin.summed(total bigint, sample smallint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT total $$;
CREATE OR REPLACE FUNCTION twin.summed(total numeric, sample numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT total $$;
CREATE OR REPLACE FUNCTION twin.summed(total double precision, sample double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$ SELECT total $$;
CREATE OR REPLACE FUNCTION twin.summed(total real, sample real) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT total::double precision $$;
CREATE OR REPLACE FUNCTION twin.summed(total super, sample super) RETURNS super LANGUAGE sql IMMUTABLE AS
$$ SELECT total $$;

CREATE OR REPLACE FUNCTION twin.super_added(total super, s super) RETURNS super LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN jsonb_typeof(s::jsonb) <> 'number' OR s IS NULL THEN total WHEN total IS NULL THEN s
    ELSE twin.super_arithmetic(total, '+', s) END $$;
CREATE OR REPLACE FUNCTION twin.super_smaller(a super, b super) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN twin.super_cmp(a, b) <= 0 THEN a ELSE b END $$;
CREATE OR REPLACE FUNCTION twin.super_larger(a super, b super) RETURNS super LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN twin.super_cmp(a, b) >= 0 THEN a ELSE b END $$;
CREATE OR REPLACE AGGREGATE pg_catalog.sum(super) (SFUNC = twin.super_added, STYPE = super);
CREATE OR REPLACE AGGREGATE pg_catalog.min(super) (SFUNC = twin.super_smaller, STYPE = super);
CREATE OR REPLACE AGGREGATE pg_catalog.max(super) (SFUNC = twin.super_larger, STYPE = super);

CREATE OR REPLACE FUNCTION twin.listagg(t text) RETURNS varchar LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF octet_length(t) > 65535 THEN
        RAISE EXCEPTION 'Result size exceeds LISTAGG limit' USING ERRCODE = 'XX000';
    END IF;
    RETURN t;
END $$;

CREATE OR REPLACE FUNCTION twin.known_first(known anyelement, value anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT known $$;
CREATE OR REPLACE FUNCTION twin.known_last(known anyelement, value anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT value $$;
CREATE OR REPLACE AGGREGATE twin.first_value_known(anyelement) (SFUNC = twin.known_first, STYPE = anyelement);
CREATE OR REPLACE AGGREGATE twin.last_value_known(anyelement) (SFUNC = twin.known_last, STYPE = anyelement);

-- Percentiles: the share comes first into the state, the values after it.
CREATE OR REPLACE FUNCTION twin.gathered(kept numeric[], value numeric, share numeric) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN value IS NULL THEN kept ELSE coalesce(kept, ARRAY[share]) || value END $$;
CREATE OR REPLACE FUNCTION twin.gathered(kept double precision[], value double precision, share numeric) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN value IS NULL THEN kept ELSE coalesce(kept, ARRAY[share::double precision]) || value END $$;
CREATE OR REPLACE FUNCTION twin.interpolated(kept anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN f = c THEN s[f] ELSE (c - rn) * s[f] + (rn - f) * s[c] END
    FROM (SELECT array_agg(v ORDER BY v) AS s, 1 + kept[1] * (count(v) - 1) AS rn FROM unnest(kept[2:]) AS v) a,
        LATERAL (SELECT floor(rn)::integer AS f, ceil(rn)::integer AS c) b $$;
CREATE OR REPLACE FUNCTION twin.chosen(kept anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS $$
    SELECT s[greatest(ceil(kept[1] * cardinality(s)), 1)::integer] FROM (SELECT array_agg(v ORDER BY v) AS s FROM unnest(kept[2:]) AS v) a $$;
DO $$
DECLARE
    kind text;
    kept text;
BEGIN
    -- integers have theirs, or PostgreSQL would take them for DOUBLE PRECISION
    FOREACH kind IN ARRAY ARRAY['smallint', 'integer', 'bigint', 'numeric', 'double precision'] LOOP
        kept := CASE kind WHEN 'double precision' THEN kind ELSE 'numeric' END;
        IF kind NOT IN ('numeric', 'double precision') THEN
            EXECUTE format('CREATE OR REPLACE FUNCTION twin.gathered(kept numeric[], value %s, share numeric) RETURNS numeric[] '
                'LANGUAGE sql IMMUTABLE AS ''SELECT twin.gathered(kept, value::numeric, share)''', kind);
        END IF;
        EXECUTE format('CREATE OR REPLACE AGGREGATE twin.percentile_cont(%s, numeric) '
            '(SFUNC = twin.gathered, STYPE = %s[], FINALFUNC = twin.interpolated)', kind, kept);
        EXECUTE format('CREATE OR REPLACE AGGREGATE twin.percentile_disc(%s, numeric) '
            '(SFUNC = twin.gathered, STYPE = %s[], FINALFUNC = twin.chosen)', kind, kept);
    END LOOP;
END $$;
