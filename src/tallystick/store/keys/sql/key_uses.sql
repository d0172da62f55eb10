-- When access keys were last used. Read by key_uses.py.

-- name: write
-- The uses $2 of the keys $1. Several processes write: the latest use counts.
INSERT INTO access_key_use (access_key_id, used_at)
SELECT * FROM unnest($1::text[], $2::timestamptz[])
    ON CONFLICT (access_key_id) DO UPDATE SET used_at = greatest(access_key_use.used_at, excluded.used_at)

-- name: last_uses
-- Of the keys of the party $1 that were ever used.
SELECT access_key_id, used_at FROM access_key_use JOIN access_key USING (access_key_id) WHERE party_id = $1
