-- What a seller's staff wrote down about customers. Read by customer_notes.py. $1 is the seller's first book.

-- name: add
-- At most $7 about a customer ($3); no row: there are so many already.
INSERT INTO customer_note (book_id, note_id, buyer_party_id, written_by, written_at, content)
SELECT $1, $2::text, $3::bigint, $4::bigint, $5::timestamptz, $6::text
 WHERE (SELECT count(*) FROM customer_note WHERE book_id = $1 AND buyer_party_id = $3) < $7::bigint
RETURNING note_id

-- name: about
-- A customer ($2), the newest first.
SELECT note_id, written_at, content, written_by, person.name AS writer_name
  FROM customer_note
  JOIN party AS person ON person.party_id = written_by
 WHERE book_id = $1 AND buyer_party_id = $2
 ORDER BY written_at DESC, note_id

-- name: remove
-- One ($3) about a customer ($2).
DELETE FROM customer_note WHERE book_id = $1 AND buyer_party_id = $2 AND note_id = $3 RETURNING note_id
