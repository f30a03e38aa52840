-- What the twin itself must remember. Everything here is kept when it exists already.
DO $$
BEGIN
    IF to_regnamespace('twin') IS NULL THEN
        CREATE SCHEMA twin;
        -- in Redshift everybody may create tables in the schema public; asked for once, as it can be revoked
        GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
END $$;
CREATE SEQUENCE IF NOT EXISTS twin.query_id START 1001;

-- Distribution, sort keys, encodings and constraints mean nothing to PostgreSQL: remembered for the system
-- tables only. Columns go by number, so that a rename needs nothing here.
CREATE TABLE IF NOT EXISTS twin.table_storage (
    relation oid PRIMARY KEY, diststyle text NOT NULL, sortstyle text NOT NULL, encode_auto boolean NOT NULL,
    backup boolean NOT NULL
);
CREATE TABLE IF NOT EXISTS twin.column_storage (
    relation oid NOT NULL, attnum smallint NOT NULL, encoding text, distkey boolean NOT NULL DEFAULT false,
    sortkey integer NOT NULL DEFAULT 0, PRIMARY KEY (relation, attnum)
);
CREATE SEQUENCE IF NOT EXISTS twin.key_id START 1000001;
CREATE TABLE IF NOT EXISTS twin.table_key (
    id bigint PRIMARY KEY DEFAULT nextval('twin.key_id'), relation oid NOT NULL, name text NOT NULL,
    kind "char" NOT NULL, columns smallint[] NOT NULL, target oid NOT NULL DEFAULT 0,
    target_columns smallint[] NOT NULL DEFAULT '{}'
);
-- A late-binding view is an empty view of PostgreSQL (for its name, owner and grants) and its text.
CREATE TABLE IF NOT EXISTS twin.late_view (
    relation oid PRIMARY KEY, definition text NOT NULL, translated text NOT NULL
);
