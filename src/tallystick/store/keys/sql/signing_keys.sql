-- The keys with which the service signs its own messages. Read by signing_keys.py.

-- name: lock
-- Until the commit: one process makes a key, the others wait and find it.
SELECT pg_advisory_xact_lock($1)

-- name: retire
-- The keys that sign now sign no more from $1 on.
UPDATE signing_key SET retired_at = $1 WHERE retired_at IS NULL

-- name: revoke
-- The key $1 from $2 on: it signs no more, nothing that it signed is good, and its private half is gone.
UPDATE signing_key
   SET revoked_at = $2, retired_at = coalesce(retired_at, $2), private_key_sealed = NULL
 WHERE name = $1 AND revoked_at IS NULL

-- name: destroy
-- The private halves of the keys that sign no more: those that are retired, or were made at $1 or before.
UPDATE signing_key
   SET private_key_sealed = NULL
 WHERE private_key_sealed IS NOT NULL AND (retired_at IS NOT NULL OR created_at <= $1)
RETURNING name

-- part: record
SELECT name, certificate_pem, created_at, retired_at, revoked_at, private_key_sealed IS NOT NULL AS has_private_half
  FROM signing_key

-- name: find
-- The key with the name $1, of any age.
/* part: record */
 WHERE name = $1

-- name: list
-- All keys, the newest first.
/* part: record */
 ORDER BY created_at DESC, name DESC

-- name: newest
-- The key that signs: none that is retired, or was made at $1 or before.
SELECT name, private_key_sealed, certificate_pem
  FROM signing_key
 WHERE retired_at IS NULL AND private_key_sealed IS NOT NULL AND created_at > $1
 ORDER BY created_at DESC
 LIMIT 1

-- name: count_named
-- How many keys have a name like $1, a regular expression: those of one day.
SELECT count(*) FROM signing_key WHERE name ~ $1

-- name: create
-- One more, which signs from now on.
INSERT INTO signing_key (name, private_key_sealed, certificate_pem, created_at) VALUES ($1, $2, $3, $4)
