-- The intents that wait for a rail. Read by rail_requests.py. The money path writes them and ends them: money.sql.

-- part: request
-- A DueRequest. `asked_at`: when the rail was asked first; an earlier version did not write it down.
-- `earlier_operation` and `earlier_reference`: what is captured, voided or given back, and what the rail calls it.
SELECT rail_request.book_id, rail_request.transaction_id, rail_request.rail, environment, method, rail_token,
       rail_request.operation, earlier_id, amount_micros, attempts + 1 AS attempts, due_at,
       CASE WHEN attempts > 0 THEN coalesce(asked_at, opened_at) END AS asked_at, own.reference,
       CASE WHEN earlier_id IS NULL THEN NULL
            WHEN rail_request.operation IN ('capture', 'void') THEN 'authorize'
            WHEN captured.operation IS NOT NULL THEN 'capture'
            ELSE 'charge' END AS earlier_operation,
       CASE WHEN rail_request.operation IN ('capture', 'void') THEN held.reference
            ELSE coalesce(captured.reference, charged.reference) END AS earlier_reference
  FROM rail_request
  JOIN payment_method USING (payment_method_id)
  LEFT JOIN rail_operation AS own
         ON own.book_id = rail_request.book_id AND own.transaction_id = rail_request.transaction_id
        AND own.operation = rail_request.operation
  LEFT JOIN rail_operation AS held
         ON held.book_id = rail_request.book_id AND held.transaction_id = earlier_id AND held.operation = 'authorize'
  LEFT JOIN rail_operation AS captured
         ON captured.book_id = rail_request.book_id AND captured.transaction_id = earlier_id
        AND captured.operation = 'capture'
  LEFT JOIN rail_operation AS charged
         ON charged.book_id = rail_request.book_id AND charged.transaction_id = earlier_id
        AND charged.operation = 'charge'

-- name: due
-- At most $2 that are due at $1, the longest waiting first.
/* part: request */
 WHERE due_at <= $1
 ORDER BY due_at
 LIMIT $2

-- name: of_transaction
-- What waits for a transaction, whenever it is due.
/* part: request */
 WHERE rail_request.book_id = $1 AND rail_request.transaction_id = $2
 ORDER BY rail_request.operation

-- name: claim
-- Claim with a lease until $4, unless another worker was quicker ($3 is when it was found due) or it is done. $7: now.
UPDATE rail_request
   SET due_at = $4, attempts = $5, asked_at = coalesce(asked_at, CASE WHEN attempts > 0 THEN opened_at ELSE $7 END)
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $6 AND due_at = $3

-- name: put_off
-- Ask again at $3. $5 tells people why nothing is known.
UPDATE rail_request
   SET due_at = $3, last_error = $5
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $4

-- name: server_clock
-- What this server's clock says, which no process can set.
SELECT clock_timestamp()

-- name: missing
-- The rail does not have the order, as was seen at $4; since when that is so. No row: it is done.
UPDATE rail_request SET missing_since = coalesce(missing_since, $4)
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $3
RETURNING missing_since

-- name: sent_again
-- The order is on its way once more.
UPDATE rail_request SET missing_since = NULL
 WHERE book_id = $1 AND transaction_id = $2 AND operation = $3 AND missing_since IS NOT NULL

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
