-- Authorizations that were asked for in JSON. Read by requested_authorizations.py. $1 is the seller's first book.

-- part: columns
caller_reference, authorization_id, pipeline, parameters, fingerprint, created_at

-- name: create
-- No row where the reference was used for one before.
INSERT INTO requested_authorization (book_id, caller_reference, authorization_id, pipeline, parameters, fingerprint,
            created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (book_id, caller_reference) DO NOTHING
RETURNING /* part: columns */

-- name: by_reference
-- The one that was asked for under the reference $2.
SELECT /* part: columns */
  FROM requested_authorization WHERE book_id = $1 AND caller_reference = $2

-- name: by_id
-- The one with the id $2.
SELECT /* part: columns */
  FROM requested_authorization WHERE book_id = $1 AND authorization_id = $2

-- name: take_id
-- The id of what was asked for under the reference $2 goes to the visit $3, unless another one has it.
UPDATE requested_authorization
   SET visit_id = $3
 WHERE book_id = $1 AND caller_reference = $2 AND (visit_id IS NULL OR visit_id = $3)
RETURNING authorization_id
