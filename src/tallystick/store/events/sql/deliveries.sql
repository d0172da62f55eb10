-- Deliveries of events to endpoints. Read by deliveries.py. $1 is the book, $2 the endpoint, $3 the number of the event where
-- nothing else is said.

-- part: record
book_id, endpoint_id, sequence, subject_id, state, announced_at, due_at, attempts, delivered_at, last_status, last_error

-- name: add
-- Events ($3 with the subjects $4) for the endpoint, to be tried from $5 on.
INSERT INTO webhook_delivery (book_id, endpoint_id, sequence, subject_id, announced_at, due_at)
SELECT $1, $2, new.sequence, new.subject_id, $5::timestamptz, $5::timestamptz
  FROM unnest($3::bigint[], $4::text[]) AS new (sequence, subject_id)
    ON CONFLICT (book_id, endpoint_id, sequence) DO UPDATE
   SET state = 'waiting', announced_at = excluded.announced_at, due_at = excluded.due_at, attempts = 0,
       delivered_at = NULL, last_error = NULL
 WHERE webhook_delivery.state <> 'waiting'

-- name: next_book
-- The book after $2 in which something is due at $1.
SELECT book_id FROM webhook_delivery WHERE state = 'waiting' AND due_at <= $1 AND book_id > $2 ORDER BY book_id LIMIT 1

-- name: due
-- What is due in the book $1 at $2, to none of the endpoints $3, $4 at the most. Of each subject the first: a later one waits for it,
-- also while it is being sent.
SELECT ready.book_id, ready.endpoint_id, ready.sequence, ready.due_at
  FROM webhook_delivery AS ready
 WHERE ready.book_id = $1 AND ready.state = 'waiting' AND ready.due_at <= $2
   AND ready.endpoint_id <> ALL($3::text[])
   AND NOT EXISTS (
       SELECT FROM webhook_delivery AS earlier
        WHERE earlier.book_id = $1 AND earlier.endpoint_id = ready.endpoint_id
          AND earlier.subject_id = ready.subject_id AND earlier.sequence < ready.sequence
          AND earlier.state = 'waiting')
 ORDER BY ready.due_at, ready.sequence
 LIMIT $4

-- name: claim
-- Claim one that was found due at $4, with a lease until $5, unless another worker has.
UPDATE webhook_delivery SET due_at = $5, attempts = attempts + 1
 WHERE book_id = $1 AND endpoint_id = $2 AND sequence = $3 AND state = 'waiting' AND due_at = $4
RETURNING /* part: record */

-- name: delivered
-- Received at $4 with the status $5, whichever worker's lease it was.
UPDATE webhook_delivery SET state = 'delivered', delivered_at = $4, last_status = $5, last_error = NULL
 WHERE book_id = $1 AND endpoint_id = $2 AND sequence = $3 AND state = 'waiting'

-- name: put_off
-- Try again at $5, if we still hold the lease that ends at $4.
UPDATE webhook_delivery SET due_at = $5, last_status = $6, last_error = $7
 WHERE book_id = $1 AND endpoint_id = $2 AND sequence = $3 AND state = 'waiting' AND due_at = $4

-- name: end
-- Try no more, if we still hold the lease that ends at $4.
UPDATE webhook_delivery SET state = 'dead', last_status = $5, last_error = $6
 WHERE book_id = $1 AND endpoint_id = $2 AND sequence = $3 AND state = 'waiting' AND due_at = $4

-- name: stop
-- Nothing goes to the endpoint any more; what waits can be replayed.
UPDATE webhook_delivery SET state = 'dead', last_error = $3
 WHERE book_id = $1 AND endpoint_id = $2 AND state = 'waiting'

-- name: remove
DELETE FROM webhook_delivery WHERE book_id = $1 AND endpoint_id = $2

-- name: log
-- Of the endpoint, in the state $3 (null: any), with numbers below $4 (null: from the last on), the newest first, $5 at the most,
-- with the type of the event, which may be forgotten.
SELECT webhook_delivery.book_id, endpoint_id, webhook_delivery.sequence, webhook_delivery.subject_id, state, announced_at,
       due_at, attempts, delivered_at, last_status, last_error, event.type
  FROM webhook_delivery
  LEFT JOIN event ON event.book_id = $1 AND event.sequence = webhook_delivery.sequence
 WHERE webhook_delivery.book_id = $1 AND endpoint_id = $2 AND ($3::text IS NULL OR state = $3)
   AND ($4::bigint IS NULL OR webhook_delivery.sequence < $4)
 ORDER BY webhook_delivery.sequence DESC
 LIMIT $5

-- name: counts
-- How much of the endpoint waits, and how much was given up.
SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'dead') AS dead
  FROM webhook_delivery
 WHERE book_id = $1 AND endpoint_id = $2

-- name: last_problem
-- Why the newest event did not arrive of those that did not, for any other reason than $3.
SELECT last_error FROM webhook_delivery
 WHERE book_id = $1 AND endpoint_id = $2 AND state <> 'delivered' AND last_error <> $3
 ORDER BY sequence DESC
 LIMIT 1

-- name: missed
-- Events after $3 that the endpoint is for ($4: their types; null: all) and has no row of, or one that was given up; $5 at the most.
SELECT event.sequence, event.subject_id
  FROM event
  LEFT JOIN webhook_delivery AS delivery
    ON delivery.book_id = $1 AND delivery.endpoint_id = $2 AND delivery.sequence = event.sequence
 WHERE event.book_id = $1 AND event.sequence > $3 AND ($4::text[] IS NULL OR event.type = ANY($4))
   AND (delivery.state IS NULL OR delivery.state = 'dead')
 ORDER BY event.sequence
 LIMIT $5
