-- How often something was tried lately. Read by attempts.py. $1 is the digest of what is counted, except in `sweep`.

-- name: count
-- One more at $2; a window that is over ends, and a new one of length $3 begins. Returns how many there are in it.
INSERT INTO attempt_count AS known (subject, attempts, ends_at)
VALUES ($1, 1, $2::timestamptz + $3::interval)
    ON CONFLICT (subject) DO UPDATE SET attempts = CASE WHEN known.ends_at <= $2 THEN 1 ELSE known.attempts + 1 END,
       ends_at = CASE WHEN known.ends_at <= $2 THEN excluded.ends_at ELSE known.ends_at END
RETURNING attempts

-- name: take_back
-- One attempt less.
UPDATE attempt_count SET attempts = greatest(attempts - 1, 0) WHERE subject = $1

-- name: sweep
-- Windows that are over at $1.
DELETE FROM attempt_count WHERE ends_at <= $1
