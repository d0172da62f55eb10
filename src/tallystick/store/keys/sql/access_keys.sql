-- Access keys, with which sellers' programs sign their calls. Read by access_keys.py.

-- name: find
-- Those of the keys $1 that are not revoked, with whose they are and the books that calls signed with them reach.
SELECT key.access_key_id, key.party_id, key.environment, key.secret_sealed, key.created_at, key.expires_at,
       key.scopes, key.networks::text[] AS networks, key.calls_per_second, key.bearer_digest, key.json_version, party.status, book.book_id, coalesce(book.clock_offset_seconds, 0) AS clock_offset_seconds,
       ARRAY(SELECT part.book_id FROM book AS part
              WHERE part.party_id = key.party_id AND part.environment = key.environment AND part.currency = 'USD'
              ORDER BY part.part) AS parts
  FROM access_key AS key
  JOIN party USING (party_id)
  LEFT JOIN book ON book.party_id = key.party_id AND book.environment = key.environment
                AND book.currency = 'USD' AND book.part = 0
 WHERE key.access_key_id = ANY($1::text[]) AND key.revoked_at IS NULL

-- name: versions
-- Those of the keys $1 that are not revoked, each with its version.
SELECT named.xmin AS version, (/* part: terms_of_key */ WHERE key.access_key_id = named.access_key_id) AS terms
  FROM access_key AS named
 WHERE named.access_key_id = ANY($1::text[]) AND named.revoked_at IS NULL

-- name: create
-- No row when a key of this id was made before.
INSERT INTO access_key (access_key_id, party_id, environment, secret_sealed, created_at, name, scopes, networks,
                        calls_per_second, planned_end, expires_at, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text[]::cidr[], $9, $10, $10, $11)
    ON CONFLICT (access_key_id) DO NOTHING
RETURNING 1

-- part: entry
-- Keys as lists show them, with whoever made each.
SELECT key.access_key_id, key.party_id, key.environment, key.created_at, key.expires_at, key.revoked_at, key.name,
       key.scopes, key.networks::text[] AS networks, key.calls_per_second, key.planned_end, key.made_by,
       maker.name AS maker_name, key.bearer_digest IS NOT NULL AS has_bearer
  FROM access_key AS key
  LEFT JOIN party AS maker ON maker.party_id = key.made_by

-- name: list
-- All that the party $1 ever had, the oldest first.
/* part: entry */
 WHERE key.party_id = $1
 ORDER BY key.created_at, key.access_key_id

-- name: made_by
-- Of the keys of the party $1 those that the person $2 made and that are usable at $3, the oldest first.
/* part: entry */
 WHERE key.party_id = $1 AND key.made_by = $2 AND key.revoked_at IS NULL
   AND (key.expires_at IS NULL OR key.expires_at > $3)
 ORDER BY key.created_at, key.access_key_id

-- name: secrets_of
-- Of the keys of the party $1 in the environment $2 that are usable at $3.
SELECT access_key_id, secret_sealed
  FROM access_key
 WHERE party_id = $1 AND environment = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)

-- name: terms
-- Whose key $1 is, and what for.
SELECT party_id, environment, name, scopes, networks::text[] AS networks, calls_per_second, created_at, planned_end
  FROM access_key
 WHERE access_key_id = $1

-- name: change
-- What a key that is usable at $6 is for from now on. No row when there is none.
UPDATE access_key
   SET name = $2, scopes = $3, networks = $4::text[]::cidr[], calls_per_second = $5
 WHERE access_key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $6)
RETURNING 1

-- name: end_at
-- A key that is usable at $3 ends at $2, or when it would have ended anyway. No row when there is none.
UPDATE access_key
   SET expires_at = least($2, expires_at)
 WHERE access_key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
RETURNING 1

-- name: revoke
-- For ever. No row when there is none, or it was revoked before, also by somebody who does so at the same moment.
UPDATE access_key SET revoked_at = $2 WHERE access_key_id = $1 AND revoked_at IS NULL RETURNING 1

-- name: environment
-- Of the key $1.
SELECT environment FROM access_key WHERE access_key_id = $1

-- name: set_bearer
-- The digest $2 of a bearer secret for a key that is usable at $3, in place of the one before. No row when there is none.
UPDATE access_key
   SET bearer_digest = $2
 WHERE access_key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
RETURNING 1

-- name: end_bearer
-- The bearer secret of a key is good for nothing from now on. No row when it has none.
UPDATE access_key SET bearer_digest = NULL WHERE access_key_id = $1 AND bearer_digest IS NOT NULL RETURNING 1

-- name: pin_version
-- The version of the JSON interface with which a key called first; later ones change nothing.
UPDATE access_key SET json_version = $2 WHERE access_key_id = $1 AND json_version IS NULL
