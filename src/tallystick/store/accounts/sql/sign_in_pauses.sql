-- Wrong passwords in a row, and the pause after them. Read by sign_in_pauses.py. $1 is the digest of who types them,
-- except in `sweep`.

-- name: begin
-- Count an attempt at $2. From $3 in a row on there is a pause: of $4, twice as long each time, at most $5. Forgotten
-- after $6. No row during the pause.
INSERT INTO sign_in_pause AS known (subject, failed, paused_until, ends_at)
VALUES ($1, 1, CASE WHEN $3::integer <= 1 THEN $2::timestamptz + least($4::interval, $5::interval) END,
        $2::timestamptz + $6::interval)
    ON CONFLICT (subject) DO UPDATE SET failed = known.failed + 1, ends_at = excluded.ends_at,
       paused_until = CASE WHEN known.failed + 1 >= $3 THEN $2
                           + least($4 * 2 ^ least(known.failed + 1 - $3, 20), $5) END
 WHERE known.paused_until IS NULL OR known.paused_until <= $2
RETURNING true

-- name: end
-- One was right.
DELETE FROM sign_in_pause WHERE subject = $1

-- name: sweep
-- What is forgotten at $1.
DELETE FROM sign_in_pause WHERE ends_at <= $1
