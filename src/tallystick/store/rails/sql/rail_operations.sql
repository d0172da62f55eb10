-- What rails were asked, and what they call it. Read by rail_operations.py.

-- part: columns
-- What a RailOperationRecord is made of.
book_id, transaction_id, operation, rail, reference, fee_micros, decline, action_url, action_at, acted_at,
       payment_method_id

-- name: note
-- What is known more now. Rows of requests that an earlier version has opened come into being here.
INSERT INTO rail_operation AS known (book_id, transaction_id, operation, rail, reference, fee_micros, decline)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (book_id, transaction_id, operation) DO UPDATE
   SET reference = coalesce(excluded.reference, known.reference),
       fee_micros = coalesce(excluded.fee_micros, known.fee_micros),
       decline = coalesce(excluded.decline, known.decline)

-- name: ask_for_action
-- The buyer has to confirm, at $4. No row: that is known already.
UPDATE rail_operation SET action_url = $4, action_at = $5
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $3 AND action_at IS NULL
RETURNING 1

-- name: acted
-- The buyer came back.
UPDATE rail_operation SET acted_at = coalesce(acted_at, $3)
 WHERE book_id = $1 AND transaction_id = $2 AND action_at IS NOT NULL

-- name: of_transaction
-- In the order in which they follow each other.
SELECT /* part: columns */
  FROM rail_operation WHERE book_id = $1 AND transaction_id = $2
 ORDER BY array_position(ARRAY['authorize', 'charge', 'capture', 'void', 'refund', 'return'], operation)

-- name: by_reference
-- The order that the rail $1 calls $2, in whatever book of the environment $3 it is.
SELECT /* part: columns */
  FROM rail_operation
 WHERE reference = $2 AND rail = $1
   AND book_id IN (SELECT book.book_id FROM book WHERE environment = $3)
 LIMIT 1

-- name: of_reference
-- All that any rail calls $1: of one rail in one environment there is one at most.
SELECT /* part: columns */
  FROM rail_operation
 WHERE reference = $1
 ORDER BY transaction_id
 LIMIT 20
