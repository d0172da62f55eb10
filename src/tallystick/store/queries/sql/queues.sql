-- How long the queues are, and how large the database. Read by queues.py.

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
