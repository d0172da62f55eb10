-- What happened at a seller's: waiting for a number, numbered, forgotten. Read by events.py. $1 is the book where nothing
-- else is said. The money path writes what waits: money.sql, event_queue.

-- name: next_queue
-- The book after $1 in which something waits for a number.
SELECT book_id FROM event_queue WHERE book_id > $1 ORDER BY book_id LIMIT 1

-- name: homes
-- The first book of the seller who has each of the books $1, which counts for all of them, with all that they have in common.
-- Books of nobody, the operator's, have none.
SELECT own.book_id, home.book_id AS home_id, home.party_id AS seller_id, home.environment, home.clock_offset_seconds,
       home.parts
  FROM book AS own
  JOIN book AS home ON home.party_id = own.party_id AND home.environment = own.environment
                   AND home.currency = own.currency AND home.part = 0
 WHERE own.book_id = ANY($1::bigint[])

-- name: queue
-- What has waited longest, $2 at the most, with all else that waits of the same subjects: none of it is to be overtaken.
SELECT subject_id, name, number, type, status, status_code, occurred_at, queued_at
  FROM event_queue
 WHERE book_id = $1
   AND subject_id IN (SELECT first.subject_id
                        FROM (SELECT subject_id FROM event_queue WHERE book_id = $1 ORDER BY queued_at LIMIT $2) AS first)

-- name: has_head
SELECT true FROM event_head WHERE book_id = $1

-- name: open_head
-- It would wait for whoever holds the row of a head that is there.
INSERT INTO event_head (book_id) VALUES ($1) ON CONFLICT (book_id) DO NOTHING

-- name: lock_head
-- The last number, held until the commit; no row while another process gives numbers.
SELECT sequence FROM event_head WHERE book_id = $1 FOR UPDATE SKIP LOCKED

-- name: take
-- Take what waits ($2 with $3) out of the queue; only what is still there is given a number.
DELETE FROM event_queue
 USING unnest($2::text[], $3::text[]) AS done (subject_id, name)
 WHERE event_queue.book_id = $1 AND event_queue.subject_id = done.subject_id AND event_queue.name = done.name
RETURNING event_queue.subject_id, event_queue.name

-- name: number
INSERT INTO event (book_id, sequence, type, subject_id, occurred_at, numbered_at, data)
SELECT $1, new.sequence, new.type, new.subject_id, new.occurred_at, $7::timestamptz, new.data::json
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
       AS new (sequence, type, subject_id, occurred_at, data)

-- name: move_head
UPDATE event_head SET sequence = $2 WHERE book_id = $1

-- name: enqueue
-- What no money command does: events of authorizations by time, of keys.
INSERT INTO event_queue (book_id, subject_id, name, number, type, occurred_at, queued_at)
SELECT $1, new.subject_id, new.name, new.number, new.type, $6::timestamptz, $7::timestamptz
  FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[]) AS new (subject_id, name, number, type)
    ON CONFLICT (book_id, subject_id, name) DO NOTHING

-- name: transactions
-- What /v1 tells of the transactions $2.
SELECT transaction_id, operation, status, coalesce(status_code, 'Success') AS status_code, amount_micros,
       coalesce(fee_micros, 0) AS fee_micros, payment_method,
       /* part: paid_with */ AS sender_token_id, /* part: paid_from */ AS instrument_id, original_id, caller_reference, caller_description, sender_description, completed_at
  FROM transaction
 WHERE book_id = $1 AND transaction_id = ANY($2::text[])

-- name: page
-- Events after the number $2, of the types $3 (null: of all), the oldest first, $4 at the most.
SELECT book_id, sequence, type, subject_id, occurred_at, data::text AS data
  FROM event
 WHERE book_id = $1 AND sequence > $2 AND ($3::text[] IS NULL OR type = ANY($3))
 ORDER BY sequence
 LIMIT $4

-- name: find
SELECT book_id, sequence, type, subject_id, occurred_at, data::text AS data
  FROM event
 WHERE book_id = $1 AND sequence = $2

-- name: bounds
-- The first number that is kept, and the last that was given; the first is null where none is kept.
SELECT (SELECT min(sequence) FROM event WHERE book_id = $1) AS first,
       coalesce((SELECT sequence FROM event_head WHERE book_id = $1), 0) AS last

-- name: gaps
-- Sellers whose kept events have not every number up to the last that was given ($1: of one first book; null: of all).
SELECT event_head.book_id, event_head.sequence AS last, min(event.sequence) AS first, max(event.sequence) AS highest,
       count(event.sequence) AS kept
  FROM event_head
  LEFT JOIN event ON event.book_id = event_head.book_id
 WHERE $1::bigint IS NULL OR event_head.book_id = $1
 GROUP BY event_head.book_id, event_head.sequence
HAVING max(event.sequence) IS NOT NULL
   AND (max(event.sequence) <> event_head.sequence OR count(event.sequence) <> max(event.sequence) - min(event.sequence) + 1)

-- name: sellers
-- Every book of a seller, with its time and since when something that expires is an event.
SELECT book_id, clock_offset_seconds, events_since FROM book WHERE party_id IS NOT NULL ORDER BY book_id

-- name: expired
-- Authorizations whose end has come at $2, after $3 (null: whenever), and was not told; $4 at the most. A token that was
-- cancelled or used up had its end before.
SELECT instrument_id AS subject_id, false AS is_token
  FROM instrument
 WHERE book_id = $1 AND expires_at <= $2 AND expires_at > coalesce($3::timestamptz, '-infinity')
   AND expires_at IS NOT NULL AND expiry_told_at IS NULL
UNION ALL
SELECT token_id, true
  FROM token
 WHERE book_id = $1 AND expires_at <= $2 AND expires_at > coalesce($3::timestamptz, '-infinity')
   AND expires_at IS NOT NULL AND expiry_told_at IS NULL AND instrument_id IS NULL
   AND cancelled_at IS NULL
 LIMIT $4

-- name: tell_instrument
-- Mark the instrument $2 at $3; no row where it is marked or somebody is just changing it.
UPDATE instrument SET expiry_told_at = $3
 WHERE book_id = $1 AND instrument_id = (
       SELECT instrument_id FROM instrument
        WHERE book_id = $1 AND instrument_id = $2 AND expiry_told_at IS NULL
          FOR UPDATE SKIP LOCKED)
RETURNING instrument_id

-- name: tell_token
-- Mark the token $2 at $3, as tell_instrument.
UPDATE token SET expiry_told_at = $3
 WHERE book_id = $1 AND token_id = (
       SELECT token_id FROM token
        WHERE book_id = $1 AND token_id = $2 AND expiry_told_at IS NULL
          FOR UPDATE SKIP LOCKED)
RETURNING token_id

-- name: home_of_seller
-- The first book of a seller in an environment, with its time.
SELECT book_id, clock_offset_seconds FROM book
 WHERE party_id = $1 AND environment = $2 AND currency = 'USD' AND part = 0
