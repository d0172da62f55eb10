-- Time as the database sees it. Read by clock_watch.py.

-- name: database_time
-- Its clock, not the beginning of a transaction.
SELECT clock_timestamp()

-- name: believe
-- Go on to $1, by $2 at most; back at once.
INSERT INTO believed_time (only_row, believed_at) VALUES (true, $1)
    ON CONFLICT (only_row) DO UPDATE SET believed_at = least(excluded.believed_at, believed_time.believed_at + $2::interval)
RETURNING believed_at

-- name: believed
-- How far that has come; no row where nobody has begun.
SELECT believed_at FROM believed_time
