-- What is stuck: requests to rails and notifications. Read by stuck_work.py. $1 is how many at most, except in
-- `ask_again`.

-- name: rail_cases
-- Requests to rails after the transaction $4: of the rail $2 or of any, with $3 only those that have failed.
SELECT rail_request.book_id, transaction_id, operation, rail, amount_micros, opened_at, due_at, attempts,
       last_error, environment, party.party_id AS seller_id, party.name AS seller
  FROM rail_request
  JOIN book USING (book_id)
  LEFT JOIN party ON party.party_id = book.party_id
 WHERE ($2::text IS NULL OR rail = $2) AND (NOT $3 OR last_error IS NOT NULL)
   AND ($4::text IS NULL OR transaction_id > $4)
 ORDER BY transaction_id, operation
 LIMIT $1

-- name: ask_again
-- The rail is asked at $3 instead of later.
UPDATE rail_request SET due_at = $3 WHERE book_id = $1 AND transaction_id = $2 AND due_at > $3

-- name: event_cases
-- Events that were given up ($2 is dead) or that have failed before ($2 is waiting), older than $3 and $4.
SELECT outbox.book_id, event_id, outbox.kind, subject_id, outbox.status, state, destination, announced_at,
       due_at, attempts, last_error, environment, party.party_id AS seller_id, party.name AS seller
  FROM outbox
  JOIN book USING (book_id)
  LEFT JOIN party ON party.party_id = book.party_id
 WHERE state = $2 AND (state = 'dead' OR last_error IS NOT NULL)
   AND ($3::timestamptz IS NULL OR (announced_at, event_id) < ($3, $4))
 ORDER BY announced_at DESC, event_id DESC
 LIMIT $1

-- name: destinations
-- The addresses that most events did not arrive at.
SELECT party.party_id AS seller_id, party.name AS seller, environment, destination,
       count(*) FILTER (WHERE state = 'dead') AS dead, count(*) FILTER (WHERE state = 'waiting') AS waiting,
       (array_agg(last_error ORDER BY announced_at DESC))[1] AS latest_error
  FROM outbox
  JOIN book USING (book_id)
  LEFT JOIN party ON party.party_id = book.party_id
 WHERE state = 'dead' OR (state = 'waiting' AND last_error IS NOT NULL)
 GROUP BY party.party_id, party.name, environment, destination
 ORDER BY count(*) DESC, party.party_id
 LIMIT $1
