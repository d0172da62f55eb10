-- What roles may do with our tables. Read by privileges.py.

-- name: create_work
-- Who may create roles has to send it. A name cannot be an argument: privileges.py calls it WORK.
CREATE ROLE tallystick_work LOGIN

-- name: may_grant
-- Whether there is the role $1, and we own the tables $2, as far as there are any.
SELECT bool_and(pg_has_role(relowner, 'USAGE'))
  FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY($2::text[])
   AND EXISTS (SELECT FROM pg_roles WHERE rolname = $1)

-- name: held
-- What the role $1 may do with the tables $2; `column` is null where it is about all of them.
SELECT relname::text AS "table", granted.privilege_type AS privilege, NULL AS "column"
  FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) AS granted
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY($2::text[])
   AND granted.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)
UNION ALL
SELECT relname::text, granted.privilege_type, attname::text
  FROM pg_class
  JOIN pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
 CROSS JOIN LATERAL aclexplode(attacl) AS granted
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY($2::text[])
   AND granted.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)

-- name: state
-- What the role $1 may do beyond rows, the session's where it is null. $2: the tables. A member of a role has its rights.
SELECT rolname::text AS name, rolsuper AS is_superuser,
       EXISTS (SELECT FROM pg_class
                WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                  AND relname = ANY($2::text[]) AND pg_has_role(pg_roles.oid, relowner, 'MEMBER')) AS owns_tables,
       EXISTS (SELECT FROM pg_roles AS powerful
                WHERE powerful.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
                  AND pg_has_role(pg_roles.oid, powerful.oid, 'MEMBER')) AS reaches_system
  FROM pg_roles
 WHERE rolname = coalesce($1::text, current_user)
