-- The heartbeats of processes. Read by heartbeats.py.

-- name: write
-- One of one process.
INSERT INTO pulse (process_id, at, kind, started_at, seconds, calls, refused, counts, master_keys, newest_migration)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: since
-- Those after $1, in order.
SELECT process_id, at, kind, started_at, seconds, calls, refused, counts, master_keys, newest_migration
  FROM pulse
 WHERE at > $1
 ORDER BY at

-- name: minutes
-- Calls by minute from $1 on, without minutes in which there were none.
SELECT date_trunc('minute', at) AS start, sum(calls)::bigint AS calls, sum(refused)::bigint AS refused
  FROM pulse
 WHERE at >= $1
 GROUP BY start
HAVING sum(calls) > 0
 ORDER BY start

-- name: forget
-- Those from before $1.
DELETE FROM pulse WHERE at < $1
