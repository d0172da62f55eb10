-- Delivery of the outbox's events. Read by outbox.py. $1 and $2 name the event by its book and its own id, except where
-- said otherwise. The money path writes the events: money.sql, insert_events.

-- part: record
outbox.book_id, outbox.event_id, outbox.kind, outbox.subject_id, outbox.status, outbox.status_code, outbox.state,
       outbox.destination, outbox.occurred_at, outbox.announced_at, outbox.due_at, outbox.attempts, outbox.delivered_at,
       outbox.last_error

-- name: next_book
-- The book after $2 that has an event whose time has come at $1: asked again and again, it skips from book to book, however
-- many events wait in each.
SELECT book_id
  FROM outbox
 WHERE state = 'waiting' AND due_at <= $1 AND book_id > $2
 ORDER BY book_id
 LIMIT 1

-- name: due
-- Events of the book $1 whose time has come at $2, at most $4, the longest waiting first; none for the addresses $3. An
-- event waits while an earlier one of the same transaction or token does, also while that one is being sent. An event's id
-- begins with its subject's, so that the primary key finds the few earlier ones. The state is asked for in a way that fits
-- no partial index: with statistics from before a backlog, the planner took the one over all that waits, for each event.
-- Only the first $7 events after ($5, $6) are looked at: what waits for a receiver that is gone may be much more.
SELECT ready.book_id, ready.event_id, ready.destination, ready.due_at
  FROM (SELECT book_id, event_id, subject_id, destination, due_at
          FROM outbox
         WHERE book_id = $1 AND state = 'waiting' AND due_at <= $2 AND due_at >= $5 AND (due_at, event_id) > ($5, $6)
         ORDER BY due_at, event_id
         LIMIT $7) AS ready
 WHERE ready.destination <> ALL($3::text[])
   AND NOT EXISTS (
       SELECT FROM outbox AS earlier
        WHERE earlier.book_id = $1
          AND earlier.event_id >= ready.subject_id AND earlier.event_id < ready.event_id
          AND earlier.state NOT IN ('delivered', 'dead', 'unwanted'))
 ORDER BY ready.due_at, ready.event_id
 LIMIT $4

-- name: looked_at
-- The last of the $5 events after ($3, $4) at which `due` has looked in the book $1 at $2; none when it saw the end.
SELECT due_at, event_id
  FROM outbox
 WHERE book_id = $1 AND state = 'waiting' AND due_at <= $2 AND due_at >= $3 AND (due_at, event_id) > ($3, $4)
 ORDER BY due_at, event_id
OFFSET $5 - 1
 LIMIT 1

-- name: claim
-- Claim an event, with a lease until $4, unless another worker has since it was found due at $3.
UPDATE outbox SET due_at = $4, attempts = outbox.attempts + 1
  FROM book
 WHERE outbox.book_id = $1 AND outbox.event_id = $2 AND outbox.state = 'waiting' AND outbox.due_at = $3
   AND book.book_id = outbox.book_id
RETURNING /* part: record */, outbox.message, book.party_id AS seller_id, book.notify_immediate,
          book.notify_write_offs, book.signature_method

-- name: keep_message
UPDATE outbox SET destination = $3, message = $4 WHERE book_id = $1 AND event_id = $2

-- name: delivered
-- Received, whichever worker's lease it was. A replay may have made it due again meanwhile; it is not sent again.
UPDATE outbox SET state = 'delivered', delivered_at = $3, last_error = NULL
 WHERE book_id = $1 AND event_id = $2 AND state = 'waiting'

-- name: put_off
-- Try again at $4, if we still hold the lease that ends at $3.
UPDATE outbox SET due_at = $4, last_error = $5 WHERE book_id = $1 AND event_id = $2 AND state = 'waiting' AND due_at = $3

-- name: end
-- No more attempts ($4: dead or unwanted), if we still hold the lease that ends at $3.
UPDATE outbox SET state = $4, last_error = $5 WHERE book_id = $1 AND event_id = $2 AND state = 'waiting' AND due_at = $3

-- name: list
-- Events of a seller's books ($1, null: of all) in a state ($2, null: in any but unwanted), the newest first.
SELECT /* part: record */
  FROM outbox
  JOIN book USING (book_id)
 WHERE ($1::bigint IS NULL OR book.party_id = $1)
   AND ($2::text IS NULL AND outbox.state <> 'unwanted' OR outbox.state = $2)
 ORDER BY outbox.announced_at DESC, outbox.event_id DESC
 LIMIT $3

-- name: log
-- Events of one book that were or are to be sent: in one state or ($2 null) in any, about one subject or ($3 null) any,
-- from before a moment and an event on ($4, $5; null: from the newest on), $6 at most.
SELECT /* part: record */
  FROM outbox
 WHERE book_id = $1
   AND ($2::text IS NULL AND state <> 'unwanted' OR state = $2)
   AND ($3::text IS NULL OR event_id >= $3 AND event_id < $3 || '~')
   AND ($4::timestamptz IS NULL OR (announced_at, event_id) < ($4, $5))
 ORDER BY announced_at DESC, event_id DESC
 LIMIT $6

-- name: find
SELECT /* part: record */, message
  FROM outbox
 WHERE book_id = $1 AND event_id = $2

-- name: unfinished
-- How many events of a book wait, and how many were given up.
SELECT (SELECT count(*) FROM outbox WHERE book_id = $1 AND state = 'waiting') AS waiting,
       (SELECT count(*) FROM outbox WHERE book_id = $1 AND state = 'dead') AS dead

-- name: forget_messages
-- What was sent is kept for the seller's delivery log, for a while.
UPDATE outbox SET message = NULL WHERE state = 'delivered' AND message IS NOT NULL AND delivered_at < $1

-- name: replay
-- Send again from $3 on, for another day: the event $2, or where that is null all dead ones of the book. An event goes
-- where its request said, else where its seller says now; the message is built anew when that has changed.
UPDATE outbox
   SET state = 'waiting', announced_at = $3, due_at = $3, attempts = 0, last_error = NULL, delivered_at = NULL,
       destination = coalesce(outbox.notification_url, book.notification_url, outbox.destination),
       message = CASE WHEN coalesce(outbox.notification_url, book.notification_url) IS DISTINCT FROM outbox.destination
                      THEN NULL ELSE outbox.message END
  FROM book
 WHERE outbox.book_id = $1 AND book.book_id = outbox.book_id
   AND (outbox.event_id = $2 OR $2 IS NULL AND outbox.state = 'dead')
   AND coalesce(outbox.notification_url, book.notification_url, outbox.destination) IS NOT NULL
   AND outbox.state <> 'waiting'

-- name: readdress
-- The seller has a new address ($2, null: none) from $3 on: what still waits in the books $1 for the old one goes there.
UPDATE outbox
   SET destination = $2, message = NULL, due_at = $3, state = CASE WHEN $2::text IS NULL THEN 'unwanted' ELSE 'waiting' END
 WHERE book_id = ANY($1::bigint[])
   AND state = 'waiting' AND notification_url IS NULL AND destination IS DISTINCT FROM $2

-- name: set_address
-- For all books of the seller whose one book is $1; which they are is returned.
UPDATE book SET notification_url = $2
 WHERE (party_id, environment, currency) = (SELECT party_id, environment, currency FROM book WHERE book_id = $1)
RETURNING book_id

-- name: wishes
SELECT notification_url, notify_immediate, notify_write_offs, signature_method FROM book WHERE book_id = $1

-- name: set_wishes
-- What a seller ($1: any of its books) wants to hear of; null leaves a wish as it is.
UPDATE book
   SET notify_immediate = coalesce($2, notify_immediate), notify_write_offs = coalesce($3, notify_write_offs),
       signature_method = coalesce($4, signature_method)
 WHERE (party_id, environment, currency) = (SELECT party_id, environment, currency FROM book WHERE book_id = $1)
RETURNING notification_url, notify_immediate, notify_write_offs, signature_method

-- name: books_of_event
-- In every book: an event's id alone is not its address.
SELECT book_id FROM outbox WHERE event_id = $1

-- name: books_with_dead
-- The books of the seller $1 (null: of all) that have events which were given up.
SELECT DISTINCT book_id
  FROM outbox
  JOIN book USING (book_id)
 WHERE state = 'dead' AND ($1::bigint IS NULL OR party_id = $1)
