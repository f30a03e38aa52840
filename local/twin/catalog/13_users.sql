-- Users, groups and roles. All three are roles of PostgreSQL: a user bears its own name, the other two a
-- prefix, because in Redshift each kind has names of its own.

CREATE OR REPLACE FUNCTION twin.identity_name(role_oid oid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN role_oid = 0 THEN 'public' ELSE
        (SELECT regexp_replace(rolname, '^(group|role):', '') FROM pg_roles WHERE oid = role_oid) END $$;
CREATE OR REPLACE FUNCTION twin.identity_type(role_oid oid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN role_oid = 0 THEN 'public' ELSE
        (SELECT CASE WHEN rolname LIKE 'group:%' THEN 'group' WHEN rolname LIKE 'role:%' THEN 'role' ELSE 'user' END
         FROM pg_roles WHERE oid = role_oid) END $$;

CREATE OR REPLACE VIEW twin.pg_user AS
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolsuper AS usecatupd,
    '********'::text AS passwd, rolvaliduntil::timestamp AS valuntil, rolconfig AS useconfig
FROM pg_roles WHERE rolcanlogin AND rolname NOT LIKE 'group:%' AND rolname NOT LIKE 'role:%';
CREATE OR REPLACE VIEW pg_catalog.pg_user_info AS
SELECT u.usename, u.usesysid, u.usecreatedb, u.usesuper, u.usecatupd, u.passwd, u.valuntil, u.useconfig,
    CASE WHEN r.rolconnlimit < 0 THEN 'UNLIMITED' ELSE r.rolconnlimit::text END AS useconnlimit
FROM twin.pg_user u JOIN pg_roles r ON r.oid = u.usesysid;
CREATE OR REPLACE VIEW pg_catalog.svv_user_info AS
SELECT usename::text AS user_name, usesysid::integer AS user_id, usecreatedb AS createdb, usesuper AS superuser,
    usecatupd AS catalog_update, useconnlimit AS connection_limit, 'UNRESTRICTED'::text AS syslog_access,
    NULL::timestamp AS last_ddl_timestamp, NULL::integer AS session_timeout, NULL::text AS external_user_id
FROM pg_user_info;
CREATE OR REPLACE VIEW twin.pg_group AS
SELECT twin.identity_name(r.oid)::name AS groname, r.oid AS grosysid,
    (SELECT array_agg(m.member) FROM pg_auth_members m WHERE m.roleid = r.oid) AS grolist
FROM pg_roles r WHERE r.rolname LIKE 'group:%';

CREATE OR REPLACE VIEW pg_catalog.svv_roles AS
SELECT oid::integer AS role_id, twin.identity_name(oid) AS role_name, NULL::text AS role_owner, NULL::text AS external_id
FROM pg_roles WHERE rolname LIKE 'role:%';
CREATE OR REPLACE VIEW pg_catalog.svv_user_grants AS
SELECT m.member::integer AS user_id, u.rolname::text AS user_name, m.roleid::integer AS role_id,
    twin.identity_name(m.roleid) AS role_name, m.admin_option
FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member
WHERE twin.identity_type(m.roleid) = 'role' AND twin.identity_type(m.member) = 'user';
CREATE OR REPLACE VIEW pg_catalog.svv_role_grants AS
SELECT m.member::integer AS role_id, twin.identity_name(m.member) AS role_name, m.roleid::integer AS granted_role_id,
    twin.identity_name(m.roleid) AS granted_role_name
FROM pg_auth_members m
WHERE twin.identity_type(m.roleid) = 'role' AND twin.identity_type(m.member) = 'role';

CREATE OR REPLACE VIEW twin.grants AS
SELECT 'TABLE'::text AS object_type, n.nspname::text AS schema_name, c.relname::text AS object_name, p.privilege_type,
    p.grantee, p.grantor, p.is_grantable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) p
WHERE c.relkind IN ('r', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'twin')
    AND p.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES')
UNION ALL
SELECT 'SCHEMA', n.nspname::text, n.nspname::text, p.privilege_type, p.grantee, p.grantor, p.is_grantable
FROM pg_namespace n, aclexplode(n.nspacl) p
WHERE n.nspname NOT IN ('information_schema', 'twin') AND n.nspname NOT LIKE 'pg\_%' ESCAPE '\'
UNION ALL
SELECT 'DATABASE', NULL, d.datname::text, p.privilege_type, p.grantee, p.grantor, p.is_grantable
FROM pg_database d, aclexplode(d.datacl) p
WHERE d.datname = current_database() AND p.privilege_type IN ('CREATE', 'TEMPORARY');

CREATE OR REPLACE VIEW pg_catalog.svv_relation_privileges AS
SELECT schema_name AS namespace_name, object_name AS relation_name, privilege_type, grantee::integer AS identity_id,
    twin.identity_name(grantee) AS identity_name, twin.identity_type(grantee) AS identity_type,
    is_grantable AS admin_option
FROM twin.grants WHERE object_type = 'TABLE';
CREATE OR REPLACE VIEW pg_catalog.svv_column_privileges AS
SELECT n.nspname::text AS namespace_name, c.relname::text AS relation_name, a.attname::text AS column_name,
    p.privilege_type, p.grantee::integer AS identity_id, twin.identity_name(p.grantee) AS identity_name,
    twin.identity_type(p.grantee) AS identity_type, p.is_grantable AS admin_option
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
    aclexplode(a.attacl) p
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'twin');
CREATE OR REPLACE VIEW pg_catalog.svv_schema_privileges AS
SELECT schema_name AS namespace_name, privilege_type, grantee::integer AS identity_id,
    twin.identity_name(grantee) AS identity_name, twin.identity_type(grantee) AS identity_type,
    is_grantable AS admin_option
FROM twin.grants WHERE object_type = 'SCHEMA';
CREATE OR REPLACE VIEW pg_catalog.svv_database_privileges AS
SELECT object_name AS database_name, CASE privilege_type WHEN 'TEMPORARY' THEN 'TEMP' ELSE privilege_type END AS privilege_type,
    grantee::integer AS identity_id, twin.identity_name(grantee) AS identity_name,
    twin.identity_type(grantee) AS identity_type, is_grantable AS admin_option
FROM twin.grants WHERE object_type = 'DATABASE';

CREATE OR REPLACE FUNCTION twin.refuse_used(kind text, name text) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    wanted oid := (SELECT oid FROM pg_roles WHERE rolname = name);
    shown text := regexp_replace(name, '^(group|role):', '');
BEGIN
    IF kind = 'role' AND EXISTS (SELECT FROM pg_auth_members WHERE roleid = wanted AND twin.identity_type(member) = 'user') THEN
        RAISE EXCEPTION 'cannot drop this role since it has been granted on a user' USING ERRCODE = '2BP01';
    ELSIF kind = 'role' AND EXISTS (SELECT FROM pg_auth_members WHERE wanted IN (roleid, member)) THEN
        RAISE EXCEPTION 'cannot drop this role since it depends on another role' USING ERRCODE = '2BP01';
    ELSIF EXISTS (SELECT FROM pg_shdepend WHERE refobjid = wanted AND deptype = 'o') THEN
        RAISE EXCEPTION '% "%" can''t be dropped because the % owns some object', kind, shown, kind USING ERRCODE = '55006';
    ELSIF EXISTS (SELECT FROM pg_shdepend WHERE refobjid = wanted AND deptype = 'a') THEN
        RAISE EXCEPTION '% "%" can''t be dropped because the % has a privilege on some object', kind, shown, kind
            USING ERRCODE = '55006';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION twin.refuse_circle(granted text, member text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles g, pg_roles m
               WHERE g.rolname = granted AND m.rolname = member AND NOT m.rolsuper AND pg_has_role(g.oid, m.oid, 'MEMBER')) THEN
        RAISE EXCEPTION 'cannot grant this role, a circular dependency was detected between these roles'
            USING ERRCODE = '0LP01';
    END IF;
END $$;
