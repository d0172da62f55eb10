-- Links and codes that were sent to an address. Read by mailed_proofs.py. Each works until it was used or has expired.

-- name: create
-- One more; earlier ones of the same party for the same purpose end with it.
WITH earlier AS (
    UPDATE mailed_proof SET expires_at = $8
     WHERE party_id = $3 AND purpose = $2 AND used_at IS NULL AND expires_at > $8)
INSERT INTO mailed_proof (ticket, purpose, party_id, email, link_digest, code_digest, name, created_at, expires_at,
            password_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: find_link
-- The link with the digest $1 for the purpose $2, if it works at $3.
SELECT * FROM mailed_proof WHERE link_digest = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3

-- name: use_link
-- The same, used up: of several at once, one gets the row.
UPDATE mailed_proof
   SET used_at = $3
 WHERE link_digest = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
RETURNING *

-- name: open_ticket
-- The ticket of what was last sent to the party $1 for the purpose $2, if it works at $3 and fewer than $4 codes were
-- wrong.
SELECT ticket
  FROM mailed_proof
 WHERE party_id = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 AND wrong_codes < $4
 ORDER BY created_at DESC
 LIMIT 1

-- name: email_of
-- Where the letter of the ticket $1 was sent to, if it works at $3 for the purpose $2 and fewer than $4 codes were wrong.
SELECT email FROM mailed_proof
 WHERE ticket = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 AND wrong_codes < $4

-- name: use_code
-- Used up with the right code ($3); a wrong one is counted, and from $5 of them on nothing helps. Not used: used_at is
-- null.
UPDATE mailed_proof
   SET wrong_codes = wrong_codes + CASE WHEN code_digest = $3 THEN 0 ELSE 1 END,
       used_at = CASE WHEN code_digest = $3 THEN $4::timestamptz END
 WHERE ticket = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $4 AND wrong_codes < $5
RETURNING *

-- name: sweep
-- What has expired by $1.
DELETE FROM mailed_proof WHERE expires_at <= $1
