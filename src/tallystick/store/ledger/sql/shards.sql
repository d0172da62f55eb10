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
