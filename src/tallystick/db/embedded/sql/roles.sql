-- The one database of the server that comes along, and its roles. Read by roles.py, which calls them DATABASE, OWNER and
-- WORK: a name cannot be an argument.

-- name: roles
-- Which of the roles $1 there are.
SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY($1::text[])

-- name: create_owner
-- For migrations: of the database and what is in it.
CREATE ROLE tallystick_owner LOGIN

-- name: database
-- Whose the database $1 is, and whether somebody has said who may enter it: else everybody may.
SELECT pg_get_userbyid(datdba)::text AS owner, datacl IS NOT NULL AS closed FROM pg_database WHERE datname = $1

-- name: create_database
-- Its owner owns the schema in it, too: that belongs to whoever owns the database.
CREATE DATABASE tallystick OWNER tallystick_owner

-- name: close_database
-- Nobody else enters it, or makes temporary tables in it.
REVOKE ALL ON DATABASE tallystick FROM PUBLIC; GRANT CONNECT ON DATABASE tallystick TO tallystick_work

-- name: hand_over
-- All that migrations have made. Not REASSIGN OWNED: the role that came with the server owns what it cannot give away.
DO $$
DECLARE command text;
BEGIN
    FOR command IN
        SELECT format('ALTER TABLE %s OWNER TO tallystick_owner', oid::regclass)
          FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
         UNION ALL
        SELECT format('ALTER TYPE %s OWNER TO tallystick_owner', pg_type.oid::regtype)
          FROM pg_type
          LEFT JOIN pg_class ON pg_class.oid = typrelid
         WHERE typnamespace = 'public'::regnamespace AND (typtype IN ('d', 'e') OR pg_class.relkind = 'c')
         UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO tallystick_owner', oid::regprocedure)
          FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE command;
    END LOOP;
END $$

-- name: hand_over_database
-- Last, since it tells that the rest was done.
ALTER DATABASE tallystick OWNER TO tallystick_owner
