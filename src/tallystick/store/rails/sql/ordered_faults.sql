-- Faults on order: which of a sandbox's next orders the simulated rail fails, or leaves unanswered. Read by
-- ordered_faults.py. $1 is the first book of the seller, except in `first_book`.

-- part: columns
-- What a Fault is made of.
fault_id, operation, decline, holds, ordered_at, idempotency_key AS key, met_at, released_at

-- name: place
-- No row where $6 of them wait for an order already. Without a decline ($4) it holds its order.
INSERT INTO simulated_fault (book_id, fault_id, operation, decline, holds, ordered_at)
SELECT $1, $2, $3, $4::text, $4::text IS NULL, $5
 WHERE (SELECT count(*) FROM simulated_fault WHERE book_id = $1 AND idempotency_key IS NULL) < $6
RETURNING fault_id

-- name: take_back
-- Only while it has met no order.
DELETE FROM simulated_fault WHERE book_id = $1 AND fault_id = $2 AND idempotency_key IS NULL RETURNING 1

-- name: release
-- Let an order go that is held: it is declined with $3, or where that is null goes well. No row when none is held.
UPDATE simulated_fault SET released_at = $4, decline = $3
 WHERE book_id = $1 AND fault_id = $2 AND holds AND idempotency_key IS NOT NULL AND released_at IS NULL
RETURNING 1

-- name: exists
-- Whatever became of it.
SELECT FROM simulated_fault WHERE book_id = $1 AND fault_id = $2

-- name: find
-- The one with the id $2.
SELECT /* part: columns */
  FROM simulated_fault WHERE book_id = $1 AND fault_id = $2

-- name: of_book
-- Those that wait for an order, those that hold one, then the latest others: at most $2.
SELECT /* part: columns */
  FROM simulated_fault WHERE book_id = $1
 ORDER BY idempotency_key IS NOT NULL, NOT (holds AND released_at IS NULL), ordered_at DESC, fault_id
 LIMIT $2

-- name: met_by
-- The fault that the order $2 has met, else now, at $4, the one that waits longest for its operation ($3).
UPDATE simulated_fault SET idempotency_key = $2, met_at = coalesce(met_at, $4)
 WHERE book_id = $1 AND fault_id = (
       SELECT fault_id FROM simulated_fault
        WHERE book_id = $1 AND (idempotency_key = $2 OR idempotency_key IS NULL AND operation = $3)
        ORDER BY idempotency_key, ordered_at, fault_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING /* part: columns */

-- name: first_book
-- The first book of the seller that has the book $1. The operator's book is nobody's.
SELECT first.book_id
  FROM book AS own
  JOIN book AS first
    ON first.party_id = own.party_id AND first.environment = own.environment
   AND first.currency = own.currency AND first.part = 0
 WHERE own.book_id = $1
