-- Who holds and awaits which locks, and which transactions came to grief.
CREATE TABLE IF NOT EXISTS twin.tr_conflict (
    xact_id bigint NOT NULL, process_id bigint NOT NULL, xact_start_ts timestamp NOT NULL,
    abort_time timestamp NOT NULL, table_id bigint NOT NULL
);
-- The clients' sessions; those that have ended are told apart by PostgreSQL's own list.
CREATE TABLE IF NOT EXISTS twin.session (
    pid integer NOT NULL, user_name text NOT NULL, started timestamp NOT NULL
);

CREATE OR REPLACE VIEW pg_catalog.stl_tr_conflict AS
SELECT xact_id, process_id, xact_start_ts, abort_time, table_id FROM twin.tr_conflict;

-- Redshift gives a number to each transaction, PostgreSQL to those that write or that the twin watches.
CREATE OR REPLACE VIEW twin.open_session AS
SELECT s.pid, s.user_name, s.started, a.datname::text AS database, a.state, a.query,
    a.xact_start AT TIME ZONE 'UTC' AS transaction_started, a.query_start AT TIME ZONE 'UTC' AS query_started,
    coalesce(a.backend_xid::text::bigint, split_part(v.virtualtransaction, '/', 2)::bigint) AS xid
FROM twin.session s
JOIN pg_stat_activity a ON a.pid = s.pid
    -- a process number may come again
    AND s.started >= a.backend_start AT TIME ZONE 'UTC'
LEFT JOIN pg_locks v ON v.pid = s.pid AND v.locktype = 'virtualxid' AND v.granted;

CREATE OR REPLACE VIEW pg_catalog.svv_transactions AS
SELECT s.user_name AS txn_owner, s.database AS txn_db, s.xid, s.pid, s.transaction_started AS txn_start,
    l.lock_mode, l.lockable_object_type, l.relation, l.granted
FROM twin.open_session s
JOIN (
    SELECT k.pid, CASE k.mode WHEN 'AccessShareLock' THEN k.mode WHEN 'AccessExclusiveLock' THEN k.mode
        ELSE 'ShareRowExclusiveLock' END AS lock_mode,
        'relation' AS lockable_object_type, k.relation::bigint::integer AS relation, bool_and(k.granted) AS granted
    FROM pg_locks k
    JOIN pg_class c ON c.oid = k.relation AND c.relkind = 'r'
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'twin')
    WHERE k.locktype = 'relation' GROUP BY k.pid, lock_mode, k.relation
    UNION ALL
    SELECT k.pid, k.mode, 'transactionid', NULL, true FROM pg_locks k WHERE k.locktype = 'virtualxid' AND k.granted
) l ON l.pid = s.pid;

CREATE OR REPLACE VIEW pg_catalog.stv_locks AS
SELECT relation::bigint AS table_id, NULL::timestamp AS last_commit, txn_start AS last_update, xid AS lock_owner,
    pid::bigint AS lock_owner_pid, txn_start AS lock_owner_start_ts, NULL::timestamp AS lock_owner_end_ts,
    CASE WHEN granted THEN 'Holding write lock' ELSE 'Waiting for write lock' END::char(22) AS lock_status
FROM pg_catalog.svv_transactions WHERE lock_mode IN ('ShareRowExclusiveLock', 'AccessExclusiveLock');

CREATE OR REPLACE VIEW pg_catalog.stv_sessions AS
SELECT started AS starttime, pid AS process, user_name::char(50), database::char(50) AS db_name, 0 AS timeout_sec
FROM twin.open_session;

CREATE OR REPLACE VIEW pg_catalog.stv_recents AS
SELECT 100 AS userid, CASE state WHEN 'active' THEN 'Running' ELSE 'Done' END::char(20) AS status,
    query_started AS starttime, (extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - query_started) * 1000000)::bigint
        AS duration,
    user_name::char(50), database::char(50) AS db_name, left(query, 600)::char(600) AS query, pid
FROM twin.open_session;

CREATE OR REPLACE VIEW pg_catalog.stv_db_isolation_level AS
SELECT d.datname::char(128) AS db_name,
    CASE WHEN 'twin.isolation_level=serializable' = ANY (s.setconfig) THEN 'Serializable'
        ELSE 'Snapshot Isolation' END::char(20) AS isolation_level
FROM pg_database d LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0
WHERE d.datname = current_database();
