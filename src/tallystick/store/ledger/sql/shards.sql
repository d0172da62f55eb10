-- Sellers with several books. Read by shards.py. The books $1 are all of one seller, or of that seller the first one.

-- part: books
-- The books of the seller $1 in an environment ($2) and a currency ($3), the first one first.
SELECT book_id FROM book WHERE party_id = $1 AND environment = $2 AND currency = $3 ORDER BY part

-- name: parts
-- As they are at this moment.
/* part: books */

-- name: lock_parts
-- The same: who splits the seller again meanwhile waits.
/* part: books */ FOR UPDATE

-- name: claim
-- The references $2 belong to the book $3 from now on, unless another one has them.
INSERT INTO claimed_reference (book_id, caller_reference, part_book_id)
SELECT $1, reference, $3
  FROM unnest($2::text[]) AS reference
    ON CONFLICT (book_id, caller_reference) DO NOTHING

-- name: reference_taken
-- Whether one of the books has a token with one of the references: some are older than any claim.
SELECT EXISTS (SELECT FROM token WHERE book_id = ANY($1::bigint[]) AND caller_reference = ANY($2::text[]))

-- name: claims
-- The books that have claimed any of the references $2.
SELECT part_book_id FROM claimed_reference WHERE book_id = $1 AND caller_reference = ANY($2::text[])

-- name: note_parts
-- On each of the books $1: which the seller has, the first one first.
UPDATE book SET parts = $1::bigint[] WHERE book_id = ANY($1::bigint[])

-- part: asked
-- References ($3) of requests that go to the book $2, one of several of a seller's; $1 is the first of these.
(SELECT caller_reference, /* part: reference_digest */ AS reference_digest FROM unnest($3::text[]) AS caller_reference) AS asked

-- name: payments_elsewhere
-- Those that another of the books ($4) has claimed, or has spent before there were claims.
SELECT asked.caller_reference
  FROM /* part: asked */
  JOIN claimed_payment AS claimed ON claimed.book_id = $1 AND claimed.reference_digest = asked.reference_digest
 WHERE claimed.part_book_id <> $2
UNION
SELECT asked.caller_reference
  FROM /* part: asked */
  JOIN answered_reference AS answered ON answered.reference_digest = asked.reference_digest
 WHERE answered.book_id = ANY($4::bigint[]) AND answered.book_id <> $2 AND answered.transaction_id IS NOT NULL

-- name: claim_payments
-- They belong to the book $2 from now on, unless another one has them.
INSERT INTO claimed_payment (book_id, reference_digest, part_book_id)
SELECT $1, reference_digest, $2 FROM /* part: asked */ ORDER BY reference_digest
    ON CONFLICT (book_id, reference_digest) DO NOTHING
