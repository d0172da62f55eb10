-- The test clocks of sandbox books. Read by sandbox_clocks.py. $1 is one of the seller's books.

-- name: offset
-- In seconds.
SELECT clock_offset_seconds FROM book WHERE book_id = $1

-- name: forward
-- By $2 seconds, in all books of the seller; where $3 is not null, only if they were so far ahead before. Tabs may have ended:
-- debts of less than a cent are looked for at once, where the seller's rule has it.
UPDATE book
   SET clock_offset_seconds = clock_offset_seconds + $2,
       dust_due_at = CASE WHEN dust_due_at IS NOT NULL THEN created_at END
 WHERE (party_id, environment, currency) = (SELECT party_id, environment, currency FROM book WHERE book_id = $1)
   AND environment = 'sandbox' AND ($3::bigint IS NULL OR clock_offset_seconds = $3)
RETURNING clock_offset_seconds

-- name: ending
-- What expires in one book between $2 and $3.
SELECT (SELECT count(*) FROM instrument WHERE book_id = $1 AND expires_at > $2 AND expires_at <= $3) AS instruments,
       (SELECT count(*) FROM token WHERE book_id = $1 AND expires_at > $2 AND expires_at <= $3
           AND instrument_id IS NULL AND cancelled_at IS NULL AND used_by IS NULL) AS tokens,
       (SELECT count(*) FROM transaction WHERE book_id = $1 AND status = 'Reserved'
           AND reserved_until <= $3) AS reservations
