-- What somebody agreed to. Read by evidence.py.

-- name: find
-- For the authorization $2 of the book $1. One that replaced another one, with nothing new to agree to, rests on what was
-- agreed to for that one.
WITH RECURSIVE line AS (
    SELECT $2::text COLLATE "C" AS authorization_id, 0 AS steps
    UNION ALL
    SELECT token.old_token_id COLLATE "C", line.steps + 1
      FROM token JOIN line ON token.token_id = line.authorization_id
     WHERE token.book_id = $1 AND token.old_token_id IS NOT NULL
)
SELECT evidence.*
  FROM line JOIN authorization_evidence AS evidence ON evidence.authorization_id = line.authorization_id
 WHERE evidence.book_id = $1
 ORDER BY line.steps
 LIMIT 1

-- name: keep
-- What is there already stays as it is.
INSERT INTO authorization_evidence (book_id, authorization_id, party_id, visit_id, wording, digest, agreed_at,
            book_time, proved_at, proved_by, client_digest, user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT DO NOTHING
