-- What COPY leaves behind: written beside the clients' transactions, so that no rollback takes it back.
-- Tables are kept when they exist already.
CREATE TABLE IF NOT EXISTS twin.copy_error (
    userid integer NOT NULL DEFAULT 100, slice integer NOT NULL DEFAULT 0, tbl bigint NOT NULL,
    starttime timestamp NOT NULL DEFAULT (statement_timestamp() AT TIME ZONE 'UTC'),
    session integer NOT NULL, query bigint NOT NULL, filename text NOT NULL, line_number bigint NOT NULL,
    colname text NOT NULL, type text NOT NULL, col_length text NOT NULL, position integer NOT NULL DEFAULT 0,
    raw_line text NOT NULL, raw_field_value text NOT NULL, err_code integer NOT NULL, err_reason text NOT NULL,
    table_name text NOT NULL, database_name text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.copy_error_value (
    session integer NOT NULL, query bigint NOT NULL, filename text NOT NULL, line_number bigint NOT NULL,
    field integer NOT NULL, colname text NOT NULL, type text NOT NULL, col_length text NOT NULL, value text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.copy_replacement (
    tbl bigint NOT NULL, starttime timestamp NOT NULL DEFAULT (statement_timestamp() AT TIME ZONE 'UTC'),
    session integer NOT NULL, query bigint NOT NULL, filename text NOT NULL, line_number bigint NOT NULL,
    colname text NOT NULL, raw_line text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.copy_s3_error (
    query bigint NOT NULL, recordtime timestamp NOT NULL DEFAULT (statement_timestamp() AT TIME ZONE 'UTC'),
    pid integer NOT NULL, bucket text NOT NULL, key text NOT NULL, error text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.copy (
    query bigint PRIMARY KEY, session integer NOT NULL, database_name text NOT NULL, status text NOT NULL,
    table_name text NOT NULL, started timestamp NOT NULL, ended timestamp NOT NULL, data_source text NOT NULL,
    file_format text NOT NULL, loaded_rows bigint NOT NULL, loaded_bytes bigint NOT NULL, files bigint NOT NULL,
    errors bigint NOT NULL, error_message text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.copy_file (
    query bigint NOT NULL, slice integer NOT NULL DEFAULT 0, filename text NOT NULL, lines_scanned bigint NOT NULL,
    bytes_scanned bigint NOT NULL, started timestamp NOT NULL, curtime timestamp NOT NULL, file_format text NOT NULL
);

-- Tables that an older twin made know nobody's name.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['copy_error_value', 'copy_replacement', 'copy_s3_error', 'copy', 'copy_file'] LOOP
        EXECUTE format('ALTER TABLE twin.%I ADD COLUMN IF NOT EXISTS userid integer NOT NULL DEFAULT 100', name);
    END LOOP;
END $$;
-- Whose rows the user who asks may see: its own; of a superuser NULL, for it sees all.
-- It stands in a query of its own, so that it is asked once and not for each row.
CREATE OR REPLACE FUNCTION twin.viewer() RETURNS integer LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN NOT rolsuper THEN oid::integer END FROM pg_roles WHERE rolname = current_user $$;

-- The last COPY of a session is either one that loaded, which its transaction's rollback takes back (a
-- setting), or a later one that failed while it loaded, which no rollback takes back (a sequence).
CREATE OR REPLACE FUNCTION twin.failed_copy_id() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    value bigint;
BEGIN
    -- found when it runs: each session has its own
    EXECUTE 'SELECT last_value FROM pg_temp.twin_copy_id' INTO value;
    RETURN value;
END $$;
CREATE OR REPLACE FUNCTION twin.loaded_copy(name text) RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(nullif(current_setting('twin.' || name, true), ''), '-1')::bigint $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT greatest(twin.failed_copy_id(), twin.loaded_copy('copy_id')) $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT CASE WHEN twin.loaded_copy('copy_id') > twin.failed_copy_id() THEN twin.loaded_copy('copy_count') ELSE 0 END $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_query_id() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT pg_last_copy_id() $$;

CREATE OR REPLACE VIEW pg_catalog.stl_load_errors AS
SELECT userid, slice, tbl, starttime, session, query, filename::char(256), line_number, colname::char(127),
    type::char(10), col_length::char(10), position, raw_line::char(1024), raw_field_value::char(1024),
    err_code, err_reason::char(100), 0 AS is_partial, 0::bigint AS start_offset, 0::bigint AS copy_job_id
FROM twin.copy_error WHERE coalesce(userid = (SELECT twin.viewer()), true);

-- Every field up to the refused one, as Redshift logs them.
CREATE OR REPLACE VIEW pg_catalog.stl_loaderror_detail AS
SELECT userid, 0 AS slice, session, query, filename::char(256), line_number, field,
    colname::char(1024), value::char(1024), CASE WHEN value IN ('', 'null') THEN 1 ELSE 0 END AS is_null,
    type::char(10), col_length::char(10)
FROM twin.copy_error_value WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.stl_replacements AS
SELECT userid, query, 0 AS slice, tbl, starttime, session, filename::char(256), line_number,
    colname::char(127), raw_line::char(1024)
FROM twin.copy_replacement WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.stl_s3client_error AS
SELECT userid, query, 0 AS sliceid, recordtime, pid, 'GET'::char(64) AS http_method, bucket::char(64),
    key::char(256), error::char(1024)
FROM twin.copy_s3_error WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.sys_load_error_detail AS
SELECT userid AS user_id, query AS query_id, query AS transaction_id, session AS session_id,
    database_name::char(64), tbl AS table_id, starttime AS start_time, slice AS slice_id, 0::bigint AS copy_job_id,
    filename::char(256) AS file_name, line_number, colname::char(127) AS column_name, type::char(10) AS column_type,
    col_length::char(10) AS column_length, position, err_code AS error_code, err_reason::char(512) AS error_message
FROM twin.copy_error WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.sys_load_history AS
SELECT userid AS user_id, query AS query_id, query AS transaction_id, session AS session_id, database_name,
    status, table_name, started AS start_time, ended AS end_time,
    (extract(epoch FROM ended - started) * 1000000)::bigint AS duration, data_source, file_format,
    loaded_rows, loaded_bytes, files AS source_file_count, loaded_bytes AS source_file_bytes,
    files AS file_count_scanned, loaded_bytes AS file_bytes_scanned, errors AS error_count, 0::bigint AS copy_job_id
FROM twin.copy WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.stl_load_commits AS
SELECT userid, query, slice, filename::char(256) AS name, filename::char(256), 0 AS byte_offset,
    lines_scanned, 0 AS errors, curtime, 1 AS status, file_format::char(16), 0 AS is_partial,
    0::bigint AS start_offset
FROM twin.copy_file WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.sys_load_detail AS
SELECT userid AS user_id, query AS query_id, filename::char(256) AS file_name, bytes_scanned, lines_scanned,
    curtime AS record_time, 1 AS splits_scanned, started AS start_time, curtime AS end_time
FROM twin.copy_file WHERE coalesce(userid = (SELECT twin.viewer()), true);

CREATE OR REPLACE VIEW pg_catalog.stl_file_scan AS
SELECT userid, query, slice, filename::char(90) AS name, lines_scanned AS lines, bytes_scanned AS bytes,
    (extract(epoch FROM curtime - started) * 1000000)::bigint AS loadtime, started AS curtime, 0 AS is_partial,
    0::bigint AS start_offset
FROM twin.copy_file WHERE coalesce(userid = (SELECT twin.viewer()), true);
