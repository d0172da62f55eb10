-- The server that is backed up. Read by source.py.

-- name: about
-- What a backup must know of its server.
SELECT current_setting('server_version_num')::int / 10000 AS major,
       current_setting('wal_level') AS wal_level,
       pg_size_bytes(current_setting('wal_segment_size')) AS segment_bytes,
       (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
       (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user) AS may_replicate,
       current_user::text AS role,
       (SELECT rolname::text FROM pg_roles WHERE oid = 10) AS superuser, -- whom initdb made
       current_database()::text AS database

-- name: drop_slot
-- Let go of the log that waits for the slot $1; no row: there is no such slot.
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active

-- name: time
-- What time it is on the server.
SELECT clock_timestamp()
