-- What rails say that they moved, and what the books say of it. Read by reconciliations.py. The book $1 of movements, bookings
-- and days is the operator's, the first one where it is in parts. Every movement at a rail is mirrored in one of these.

-- part: movement
-- What a MovedThere is made of.
movement_id, kind, reference, amount_micros, fee_micros, currency, moved_at, transaction_id, later_micros, is_unassigned

-- name: orders_of_keys
-- Which of the transactions $2, in the books $1, asked the rail $3 for anything. The environment of their books is $4.
SELECT DISTINCT transaction_id
  FROM rail_operation
 WHERE book_id = ANY($1::bigint[]) AND transaction_id = ANY($2::text[]) AND rail = $3
   AND book_id IN (SELECT book.book_id FROM book WHERE environment = $4)

-- name: orders_of_references
-- Whose orders the rail $1 calls $2, in books of the environment $3.
SELECT DISTINCT reference, transaction_id
  FROM rail_operation
 WHERE reference = ANY($2::text[]) AND rail = $1
   AND book_id IN (SELECT book.book_id FROM book WHERE environment = $3)

-- name: disputes_of_references
-- The disputes that the rail $1 calls $2, in books of the environment $3.
SELECT reference, transaction_id
  FROM dispute
 WHERE reference = ANY($2::text[]) AND rail = $1
   AND book_id IN (SELECT book.book_id FROM book WHERE environment = $3)

-- name: payouts_of_keys
-- Which of the transactions $2, in the books $1, are payouts by the rail $3. The environment of their books is $4.
SELECT transaction_id
  FROM payout
 WHERE book_id = ANY($1::bigint[]) AND transaction_id = ANY($2::text[]) AND rail = $3
   AND book_id IN (SELECT book.book_id FROM book WHERE environment = $4)

-- name: payouts_of_references
-- The payouts that the rail $1 calls $2, in books of the environment $3.
SELECT bank_reference AS reference, transaction_id
  FROM payout
 WHERE bank_reference = ANY($2::text[]) AND rail = $1
   AND book_id IN (SELECT book.book_id FROM book WHERE environment = $3)

-- name: note
-- Movements of the rail $2, read by a reading that began at $3. What was told first stays; what is told now is held against it.
-- Whether one belongs to nothing of ours is said by whoever keeps it first, before anything is booked for it, and stays so.
INSERT INTO rail_movement AS known (book_id, rail, seen_at, movement_id, kind, reference, amount_micros, fee_micros, currency,
            moved_at, transaction_id, is_unassigned)
SELECT $1, $2, $3::timestamptz, new.*
  FROM unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::timestamptz[], $11::text[],
              $12::boolean[]) AS new
    ON CONFLICT (book_id, rail, movement_id) DO UPDATE
   SET seen_at = greatest(known.seen_at, excluded.seen_at),
       later_micros = nullif(excluded.amount_micros - excluded.fee_micros, known.amount_micros - known.fee_micros),
       transaction_id = CASE WHEN known.is_unassigned THEN NULL
                             ELSE coalesce(known.transaction_id, excluded.transaction_id) END

-- name: nobodys
-- Which of the movements $3 of the rail $2 were found to belong to nothing of ours.
SELECT movement_id
  FROM rail_movement
 WHERE book_id = $1 AND rail = $2 AND movement_id = ANY($3::text[]) AND is_unassigned

-- name: between
-- Movements of the rail $2 from $4 to before $5; whether the reading that began at $3, or a later one, was told them.
SELECT /* part: movement */, seen_at >= $3::timestamptz AS is_told
  FROM rail_movement
 WHERE book_id = $1 AND rail = $2 AND moved_at >= $4 AND moved_at < $5

-- name: of_transactions
-- All movements of the rail $2 that belong to the transactions $3, but those from $4 to before $5.
SELECT /* part: movement */, true AS is_told
  FROM rail_movement
 WHERE book_id = $1 AND rail = $2 AND transaction_id = ANY($3::text[]) AND NOT (moved_at >= $4 AND moved_at < $5)

-- name: booked
-- Which of the movements $3 of the rail $2 are booked.
SELECT movement_id, account FROM rail_booking WHERE book_id = $1 AND rail = $2 AND movement_id = ANY($3::text[])

-- name: orders_between
-- Transactions that asked the rail $1 for anything, in books of the environment $2, with ids from $3 to before $4. Book by book:
-- the index of orders begins with it.
SELECT DISTINCT rail_operation.transaction_id
  FROM book
  JOIN rail_operation
    ON rail_operation.book_id = book.book_id AND transaction_id >= $3 AND transaction_id < $4
 WHERE environment = $2 AND rail = $1

-- name: disputes_between
-- As before, disputes.
SELECT dispute.transaction_id
  FROM book
  JOIN dispute ON dispute.book_id = book.book_id AND transaction_id >= $3 AND transaction_id < $4
 WHERE environment = $2 AND rail = $1

-- name: payouts_between
-- As before, payouts.
SELECT payout.transaction_id
  FROM book
  JOIN payout ON payout.book_id = book.book_id AND transaction_id >= $3 AND transaction_id < $4
 WHERE environment = $2 AND rail = $1

-- name: payouts_under_way
-- Which of the payouts $2, in the books $1, are not known to be sent.
SELECT transaction_id FROM payout WHERE book_id = ANY($1::bigint[]) AND transaction_id = ANY($2::text[]) AND ended_at IS NULL

-- name: moved_here
-- What the transactions $2 have moved on the account $3 of a rail, in all parts of the operator's book of the environment $1.
SELECT transaction_id, sum(CASE debit_account WHEN $3 THEN amount_micros ELSE -amount_micros END)::bigint AS micros,
       max(booked_at) AS at
  FROM transfer
 WHERE book_id IN (SELECT book.book_id FROM book WHERE party_id IS NULL AND environment = $1)
   AND transaction_id = ANY($2::text[]) AND $3 IN (debit_account, credit_account)
 GROUP BY transaction_id

-- name: reversals
-- What refunds and payouts among the transactions $2, in the books $1, came back by.
SELECT transaction_id, original_id
  FROM transaction
 WHERE book_id = ANY($1::bigint[]) AND original_id = ANY($2::text[]) AND operation IN ('RefundReversal', 'PayoutReturn')

-- name: under_way
-- Which of the transactions $2, in the books $1, wait for the answer of a rail.
SELECT DISTINCT transaction_id FROM rail_request WHERE book_id = ANY($1::bigint[]) AND transaction_id = ANY($2::text[])

-- part: day
-- What a ReconciledDay is made of.
rail, day, read_at, movements, moved_micros, fees_micros, bank_micros, unexplained_micros, findings

-- name: keep
-- A day of the rail $2, as a reading at $4 has found it.
INSERT INTO rail_reconciliation AS known (book_id, rail, day, read_at, movements, moved_micros, fees_micros, bank_micros,
            unexplained_micros, findings)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (book_id, rail, day) DO UPDATE
   SET read_at = excluded.read_at, movements = excluded.movements, moved_micros = excluded.moved_micros,
       fees_micros = excluded.fees_micros, bank_micros = excluded.bank_micros,
       unexplained_micros = excluded.unexplained_micros, findings = excluded.findings
 WHERE known.read_at <= excluded.read_at

-- name: last_day
-- The latest day of the rail $2 that was read.
SELECT max(day) FROM rail_reconciliation WHERE book_id = $1 AND rail = $2

-- name: first_open
-- The earliest day of the rail $2 since $3 that was not explained as a whole.
SELECT min(day) FROM rail_reconciliation WHERE book_id = $1 AND rail = $2 AND day >= $3 AND unexplained_micros > 0

-- name: latest
-- Days of all rails, of all environments, the latest first: at most $1 before the day $2.
SELECT book.environment, /* part: day */
  FROM rail_reconciliation
  JOIN book ON book.book_id = rail_reconciliation.book_id
 WHERE $2::date IS NULL OR day < $2
 ORDER BY day DESC, environment, rail
 LIMIT $1

-- name: find
-- One day of a rail.
SELECT book.environment, /* part: day */
  FROM rail_reconciliation
  JOIN book ON book.book_id = rail_reconciliation.book_id
 WHERE environment = $1 AND rail = $2 AND day = $3
