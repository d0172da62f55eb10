-- Files of payouts for the operator's bank. Read by files.py.

-- name: add
-- One more.
INSERT INTO payout_file (message_id, environment, content_sealed, payouts, total_micros, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: latest
-- At most $2 of the environment $1, the newest first.
SELECT message_id, environment, payouts, total_micros, made_at
  FROM payout_file
 WHERE environment = $1
 ORDER BY made_at DESC, message_id DESC
 LIMIT $2

-- name: waiting
-- Those of the files $1 of which some payout is not known to be over yet.
SELECT DISTINCT message_id FROM payout WHERE message_id = ANY($1::text[]) AND ended_at IS NULL

-- name: content
-- What is in the file $1.
SELECT content_sealed FROM payout_file WHERE message_id = $1

-- name: under_way
-- The payouts of the file $1 that are not known to be sent yet.
SELECT book_id, transaction_id FROM payout WHERE message_id = $1 AND ended_at IS NULL ORDER BY transaction_id
