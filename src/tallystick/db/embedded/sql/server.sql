-- The one database of the server that comes along. Read by server.py, which calls it DATABASE.

-- name: exists
-- Whether there is a database with the name $1.
SELECT true FROM pg_database WHERE datname = $1

-- name: create
-- A name cannot be an argument.
CREATE DATABASE tallystick
