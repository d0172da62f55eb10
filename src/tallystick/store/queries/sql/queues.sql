-- What waits for the worker, and how large the database is. Read by queues.py.

-- name: rails
-- What waits for each rail.
SELECT rail, count(*) AS waiting, min(opened_at) AS oldest_at, min(due_at) AS due_at, count(last_error) AS troubled
  FROM rail_request
 GROUP BY rail
 ORDER BY rail

-- name: notifications
-- What waits to be sent, and what was given up. Asked in two parts, each of which is a question for every machine.
SELECT *
  FROM (SELECT count(*) AS waiting, min(announced_at) AS oldest_at, min(due_at) AS due_at,
               count(last_error) AS troubled FROM outbox WHERE state = 'waiting') AS unsent
 CROSS JOIN (SELECT count(*) AS given_up FROM outbox WHERE state = 'dead') AS dead

-- name: mail
-- The letters that wait, and those that were given up.
SELECT count(*) AS waiting, min(written_at) AS oldest_at, min(due_at) AS due_at, count(last_error) AS troubled,
       (SELECT count(*) FROM mail WHERE due_at IS NULL AND sent_at IS NULL) AS given_up
  FROM mail
 WHERE due_at IS NOT NULL

-- name: database_size
-- In bytes, and how many connections there are and may be.
SELECT pg_database_size(current_database()) AS size_bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
       current_setting('max_connections')::integer AS max_connections, current_setting('server_version') AS version

-- name: due_loops
-- The names of the worker's loops that would find something at $1. Each part asks what its loop asks first, in the order of an
-- index: without it, a large table of which statistics say that much is due would be read from its beginning. $2: redemptions
-- that were asked for since then may be under way; $3: letters from before it are not sent any more, null: nor is any other.
(SELECT 'rails' AS loop FROM rail_request WHERE due_at <= $1 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'payouts' FROM payout_schedule WHERE next_at <= $1 ORDER BY next_at LIMIT 1)
 UNION ALL
(SELECT 'payouts' FROM payout WHERE due_at <= $1 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'redemptions' FROM redemption
  WHERE ended_at IS NULL AND asked_at < $2 AND (claimed_until IS NULL OR claimed_until < $2) ORDER BY asked_at LIMIT 1)
 UNION ALL
(SELECT 'rail_events' FROM rail_event WHERE due_at <= $1 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'notifications' FROM outbox WHERE state = 'waiting' AND due_at <= $1 ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'events' FROM event_queue ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'webhooks' FROM webhook_delivery WHERE state = 'waiting' AND due_at <= $1 ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'disputes' /* part: untold_disputes */ ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'chains' FROM audit_entry WHERE chain_sequence IS NULL ORDER BY audit_id LIMIT 1)
 UNION ALL
(SELECT 'chains' FROM authorization_evidence WHERE chain_sequence IS NULL ORDER BY agreed_at LIMIT 1)
 UNION ALL
(SELECT 'mail' FROM mail WHERE $3::timestamptz IS NOT NULL AND due_at <= $1 AND written_at > $3 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'proofs' FROM verification_run WHERE finished_at IS NULL AND due_at <= $1 LIMIT 1)
