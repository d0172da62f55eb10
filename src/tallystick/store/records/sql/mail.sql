-- Letters on their way. Read by mail.py. $1 is the letter, except where said otherwise. One that is sent or given up has
-- no due_at.

-- name: write
-- Due at once. $3 is sealed: subject and text.
INSERT INTO mail (recipient, subject, sealed, written_at, due_at) VALUES ($1, $2, $3, $4, $4)

-- name: latest
-- The newest $1, the newest first.
SELECT * FROM mail ORDER BY mail_id DESC LIMIT $1

-- name: claim
-- Claim at most $4 that are due at $1 and were written after $3, with a lease until $2. Each counts as tried.
UPDATE mail
   SET due_at = $2, attempts = attempts + 1
 WHERE mail_id IN (
       SELECT mail_id FROM mail WHERE due_at <= $1 AND written_at > $3 ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING *

-- name: mark_sent
-- Sent: what it said is deleted.
UPDATE mail SET sent_at = $2, due_at = NULL, body = NULL, sealed = NULL, last_error = NULL WHERE mail_id = $1

-- name: put_off
-- Until $2, or where that is null for ever.
UPDATE mail SET due_at = $2, last_error = $3 WHERE mail_id = $1

-- name: sweep
-- Those that were written before $1.
DELETE FROM mail WHERE written_at < $1
