-- Authenticator apps and recovery codes. Read by second_factors.py.

-- name: find
-- That of the party $1, with how many recovery codes are left.
SELECT secret_sealed, enrolled_at, last_step,
       (SELECT count(*) FROM recovery_code WHERE recovery_code.party_id = $1 AND used_at IS NULL) AS codes_left
  FROM second_factor WHERE party_id = $1

-- name: add
-- No row when the party has one already.
INSERT INTO second_factor (party_id, secret_sealed, enrolled_at, last_step)
VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
RETURNING true

-- name: remove
-- No row when there was none. Its recovery codes go with it.
DELETE FROM second_factor WHERE party_id = $1 RETURNING true

-- name: use_step
-- No row when the code of this half minute, or of a later one, was used before. Of several at once, one gets it.
UPDATE second_factor SET last_step = $2 WHERE party_id = $1 AND last_step < $2 RETURNING true

-- name: forget_codes
-- All recovery codes of the party $1.
DELETE FROM recovery_code WHERE party_id = $1

-- name: add_codes
-- Recovery codes of the party $1, by their digests.
INSERT INTO recovery_code (party_id, digest) SELECT $1, unnest($2::bytea[])

-- name: use_code
-- No row when there is no such code, or when it was used. Of several at once, one gets it.
UPDATE recovery_code SET used_at = $3 WHERE party_id = $1 AND digest = $2 AND used_at IS NULL RETURNING true
