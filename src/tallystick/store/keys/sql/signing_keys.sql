-- The keys with which the service signs its own messages. Read by signing_keys.py.

-- name: lock
-- Until the commit: one process makes a key, the others wait and find it.
SELECT pg_advisory_xact_lock($1)

-- name: retire
-- The keys that sign now sign no more from $1 on.
UPDATE signing_key SET retired_at = $1 WHERE retired_at IS NULL

-- name: certificate
-- Of the key with the name $1, of any age.
SELECT certificate_pem FROM signing_key WHERE name = $1

-- name: newest
-- The key that signs: none that is retired, or was made at $1 or before.
SELECT name, private_key_sealed, certificate_pem
  FROM signing_key
 WHERE retired_at IS NULL AND created_at > $1
 ORDER BY created_at DESC
 LIMIT 1

-- name: count_named
-- How many keys have a name like $1, a regular expression: those of one day.
SELECT count(*) FROM signing_key WHERE name ~ $1

-- name: create
-- One more, which signs from now on.
INSERT INTO signing_key (name, private_key_sealed, certificate_pem, created_at) VALUES ($1, $2, $3, $4)
