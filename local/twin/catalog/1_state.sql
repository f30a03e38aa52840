-- What the twin itself must remember. Everything here is kept when it exists already.
CREATE SCHEMA IF NOT EXISTS twin;
CREATE SEQUENCE IF NOT EXISTS twin.query_id START 1001;

CREATE TABLE IF NOT EXISTS twin.load_error (
    userid integer NOT NULL, slice integer NOT NULL, tbl bigint NOT NULL, starttime timestamp NOT NULL,
    session integer NOT NULL, query bigint NOT NULL, filename text NOT NULL, line_number bigint NOT NULL,
    colname text NOT NULL, type text NOT NULL, col_length text NOT NULL, position integer NOT NULL,
    raw_line text NOT NULL, raw_field_value text NOT NULL, err_code integer NOT NULL, err_reason text NOT NULL,
    table_name text NOT NULL, database_name text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.load (
    query bigint PRIMARY KEY, session integer NOT NULL, database_name text NOT NULL, status text NOT NULL,
    table_name text NOT NULL, started timestamp NOT NULL, ended timestamp NOT NULL, data_source text NOT NULL,
    loaded_rows bigint NOT NULL, loaded_bytes bigint NOT NULL, files bigint NOT NULL,
    errors bigint NOT NULL, error_message text NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.load_file (
    query bigint NOT NULL, slice integer NOT NULL, filename text NOT NULL, lines_scanned bigint NOT NULL,
    errors bigint NOT NULL, curtime timestamp NOT NULL, file_format text NOT NULL
);
-- Keys and encodings mean nothing to PostgreSQL: remembered for the system tables only.
CREATE TABLE IF NOT EXISTS twin.table_attribute (
    relation oid PRIMARY KEY, diststyle text NOT NULL, distkey text NOT NULL, sortkeys text[] NOT NULL,
    encodings jsonb NOT NULL
);

DO $$
BEGIN
    CREATE DOMAIN pg_catalog.super AS jsonb;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
