-- The intents that wait for a rail. Read by rail_requests.py. The money path writes them and ends them: money.sql.

-- name: due
-- At most $2 that are due at $1, the longest waiting first.
SELECT book_id, transaction_id, rail_request.rail, rail_token, operation, earlier_id, amount_micros,
       attempts + 1 AS attempts, due_at
  FROM rail_request
  JOIN payment_method USING (payment_method_id)
 WHERE due_at <= $1
 ORDER BY due_at
 LIMIT $2

-- name: claim
-- Claim with a lease until $4, unless another worker was quicker ($3 is when it was found due) or it is done.
UPDATE rail_request
   SET due_at = $4, attempts = $5
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $6 AND due_at = $3

-- name: put_off
-- Ask again at $3. $5 tells people why nothing is known.
UPDATE rail_request
   SET due_at = $3, last_error = $5
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $4

-- name: run_out
-- At most $2 whose time is over at $1 by their book's clock: reservations, and charges no rail was asked for yet.
SELECT transaction.book_id, transaction_id
  FROM transaction
  JOIN book USING (book_id)
 WHERE status = 'Reserved' AND reserved_until <= $1::timestamptz + make_interval(secs => clock_offset_seconds)
UNION ALL
SELECT transaction.book_id, transaction_id
  FROM rail_request
  JOIN transaction USING (book_id, transaction_id)
  JOIN book USING (book_id)
 WHERE attempts = 0 AND status = 'Pending' AND rail_request.operation IN ('charge', 'authorize')
   AND times_out_at <= $1::timestamptz + make_interval(secs => clock_offset_seconds)
 LIMIT $2
