-- Passkeys, and the challenges that they have answered. Read by passkeys.py.

-- name: add
-- Fails where the credential is known.
INSERT INTO passkey (credential_id, party_id, public_key, sign_count, transports, synced, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: of_party
-- Those of the party $1, the oldest first.
SELECT * FROM passkey WHERE party_id = $1 ORDER BY created_at, credential_id

-- name: find
-- The one with the id $1, whoever has it.
SELECT * FROM passkey WHERE credential_id = $1

-- name: mark_used
-- No row when another use came in between ($2 is the count that was seen), or when it was removed.
UPDATE passkey
   SET sign_count = $3, last_used_at = $4
 WHERE credential_id = $1 AND sign_count = $2
RETURNING true

-- name: remove
-- No row when the party $1 has none of the id $2.
DELETE FROM passkey WHERE party_id = $1 AND credential_id = $2 RETURNING name

-- name: remove_all
-- Those of the party $1.
DELETE FROM passkey WHERE party_id = $1

-- name: spend_challenge
-- No row when it was spent before.
INSERT INTO spent_challenge (challenge_digest, expires_at)
VALUES ($1, $2)
    ON CONFLICT DO NOTHING
RETURNING true

-- name: sweep
-- Challenges that have expired by $1.
DELETE FROM spent_challenge WHERE expires_at <= $1
