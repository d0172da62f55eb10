-- Which way payouts go. Read by payouts.py. The money path writes them and ends them: money.sql. Amounts are micro-units.

-- part: payout
-- A payout with its transaction and its seller. A part of its own ends what stands between.
SELECT payout.book_id, payout.transaction_id, payout.rail, payout.amount_micros, payout.destination_id, payout.opened_at,
       payout.due_at, payout.attempts, payout.last_error, payout.message_id, payout.bank_reference, payout.ended_at,
       transaction.status, transaction.status_message, transaction.caller_description,
       transaction.refunded_micros AS returned_micros, book.party_id AS seller_id, book.environment, party.name AS seller_name
  FROM payout
  JOIN transaction ON transaction.book_id = payout.book_id AND transaction.transaction_id = payout.transaction_id
  JOIN book ON book.book_id = payout.book_id
  JOIN party ON party.party_id = book.party_id

-- name: of_books
-- At most $2 of the books $1, the newest first, with ids before $3.
/* part: payout */
 WHERE payout.book_id = ANY($1::bigint[]) AND ($3::text IS NULL OR payout.transaction_id < $3)
 ORDER BY payout.transaction_id DESC
 LIMIT $2

-- name: find
-- The payout $2 of the book $1.
/* part: payout */
 WHERE payout.book_id = $1 AND payout.transaction_id = $2

-- name: open
-- At most $2 that are under way in the environment $1, the oldest first.
/* part: payout */
 WHERE payout.ended_at IS NULL AND book.environment = $1
 ORDER BY payout.transaction_id
 LIMIT $2

-- name: latest_ended
-- At most $2 of the environment $1 that are over, the newest first.
/* part: payout */
 WHERE payout.ended_at IS NOT NULL AND book.environment = $1
 ORDER BY payout.ended_at DESC, payout.transaction_id DESC
 LIMIT $2

-- name: totals
-- What is under way and what was paid out, less what came back, of the books $1.
SELECT coalesce(sum(balance_micros) FILTER (WHERE kind = 'cash'), 0)::bigint AS cash_micros,
       coalesce(sum(balance_micros) FILTER (WHERE kind = 'payouts_under_way'), 0)::bigint AS under_way_micros,
       coalesce(sum(balance_micros) FILTER (WHERE kind = 'paid_out'), 0)::bigint AS paid_out_micros
  FROM account
 WHERE book_id = ANY($1::bigint[]) AND kind IN ('cash', 'payouts_under_way', 'paid_out')

-- name: cash
-- The cash in each of the books $1.
SELECT book_id, balance_micros FROM account WHERE book_id = ANY($1::bigint[]) AND kind = 'cash'

-- name: due
-- At most $2 that an automatic rail is to be asked for at $1, the longest waiting first.
SELECT payout.book_id, transaction_id, rail, amount_micros, destination_id, attempts + 1 AS attempts, due_at, asked_first,
       book.environment
  FROM payout
  JOIN book ON book.book_id = payout.book_id
 WHERE due_at <= $1
 ORDER BY due_at
 LIMIT $2

-- name: claim
-- Claim with a lease until $4, unless another worker was quicker ($3 is when it was found due) or it is over. Now is $6.
UPDATE payout SET due_at = $4, attempts = $5, asked_first = coalesce(asked_first, $6)
 WHERE book_id = $1 AND transaction_id = $2 AND due_at = $3 AND ended_at IS NULL

-- name: put_off
-- Ask again at $3. $4 tells people why nothing is known.
UPDATE payout SET due_at = $3, last_error = $4 WHERE book_id = $1 AND transaction_id = $2 AND ended_at IS NULL

-- name: books_with_files_to_make
-- Books of the environment $1 with payouts that wait for a file.
SELECT DISTINCT payout.book_id
  FROM payout
  JOIN book ON book.book_id = payout.book_id
 WHERE book.environment = $1 AND payout.ended_at IS NULL AND payout.rail = 'file' AND payout.message_id IS NULL

-- name: put_into_file
-- All of the book $1 that wait for it are in the file $2 from now on, and in no other.
UPDATE payout SET message_id = $2
 WHERE book_id = $1 AND ended_at IS NULL AND rail = 'file' AND message_id IS NULL
RETURNING book_id, transaction_id, amount_micros, destination_id
