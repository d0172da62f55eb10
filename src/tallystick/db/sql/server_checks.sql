-- How the server is set up. Read by server_checks.py.

-- name: server_setup
-- What holds for our connection.
SELECT
    current_setting('server_version_num')::int AS version,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit
