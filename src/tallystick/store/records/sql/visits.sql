-- Visits of buyers to the Co-Branded pages. Read by visits.py. $1 is the visit, except where said otherwise.

-- part: columns
-- What a VisitRow is made of.
visit_id, caller_party_id, access_key_id, environment, pipeline, parameters, request_digest, created_at,
       sender_party_id, choices, status, answer, finished_at, browser_digest

-- name: seller_book
-- The books of the seller $1 in an environment, the first one first, with their clock. No row where there is none.
SELECT array_agg(book_id ORDER BY part) AS parts, max(clock_offset_seconds) AS clock_offset_seconds,
       max(signature_method) AS signature_method
  FROM book
 WHERE party_id = $1 AND environment = $2 AND currency = 'USD'
HAVING count(*) > 0

-- name: create
-- It begins, with nobody known in it yet but the seller.
INSERT INTO cobranded_visit (visit_id, caller_party_id, access_key_id, environment, pipeline, parameters,
            request_digest, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: find
-- The visit with the id $1.
SELECT /* part: columns */
  FROM cobranded_visit WHERE visit_id = $1

-- name: answered_visits
-- Visits of the seller $1 for the very same request ($3) that have an answer, the newest first.
SELECT /* part: columns */
  FROM cobranded_visit
 WHERE caller_party_id = $1 AND environment = $2 AND request_digest = $3 AND answer IS NOT NULL
 ORDER BY created_at DESC

-- name: choose
-- Nothing can be chosen once there is an answer.
UPDATE cobranded_visit SET sender_party_id = $2, choices = $3 WHERE visit_id = $1 AND answer IS NULL

-- name: intend
-- The answer, before the books are asked: the first one wins, and only for the buyer ($2) and the choices ($3) that were
-- seen.
UPDATE cobranded_visit
   SET answer = $4
 WHERE visit_id = $1 AND sender_party_id = $2 AND choices = $3 AND answer IS NULL

-- name: keep_browser
-- The browser in which the buyer $2 agrees, as a digest; nothing of a visit that has ended, or is another's.
UPDATE cobranded_visit SET browser_digest = $3 WHERE visit_id = $1 AND sender_party_id = $2 AND finished_at IS NULL

-- name: finish
-- Unless it has ended.
UPDATE cobranded_visit
   SET answer = $2, status = $3, finished_at = $4
 WHERE visit_id = $1 AND finished_at IS NULL

-- name: leave
-- Unless it was confirmed.
UPDATE cobranded_visit SET answer = $2, status = $3, finished_at = $4 WHERE visit_id = $1 AND answer IS NULL

-- name: token_with_reference
-- The token of the seller's books $1 that has the reference $2.
SELECT token_id FROM token WHERE book_id = ANY($1::bigint[]) AND caller_reference = $2
