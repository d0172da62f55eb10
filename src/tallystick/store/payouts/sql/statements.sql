-- Statements of the operator's bank. Read by statements.py. The book $1 is the operator's.

-- part: statement
-- What a GivenStatement is made of. A part of its own ends what stands between.
statement_id, name, account, first_day, last_day, entries, given_at, booked_at, arrived, returned, fees_micros,
unexplained_micros, findings

-- name: give
-- One more; nothing, where the same one was given before.
INSERT INTO bank_statement (book_id, statement_id, name, account, first_day, last_day, entries, given_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (book_id, statement_id) DO NOTHING

-- name: find
SELECT /* part: statement */ FROM bank_statement WHERE book_id = $1 AND statement_id = $2

-- name: latest
-- At most $2 of the book $1, the last given first.
SELECT /* part: statement */ FROM bank_statement WHERE book_id = $1 ORDER BY given_at DESC, statement_id LIMIT $2

-- name: keep
-- What was found when the statement $2 was booked at $3.
UPDATE bank_statement
   SET booked_at = $3, arrived = $4, returned = $5, fees_micros = $6, unexplained_micros = $7, findings = $8
 WHERE book_id = $1 AND statement_id = $2 AND (booked_at IS NULL OR booked_at <= $3)

-- name: note
-- Entries of the statement $2, each once, whichever statements have it.
INSERT INTO bank_entry AS known (book_id, statement_id, entry_id, day, amount_micros, currency, reference, transaction_id)
SELECT $1, $2, new.*
  FROM unnest($3::text[], $4::date[], $5::bigint[], $6::text[], $7::text[], $8::text[]) AS new
    ON CONFLICT (book_id, entry_id) DO UPDATE
   SET transaction_id = coalesce(known.transaction_id, excluded.transaction_id)

-- name: passed
-- What all entries in the currency $3 say of the payouts $2: what left, and what came back.
SELECT transaction_id, coalesce(sum(-amount_micros) FILTER (WHERE amount_micros < 0), 0)::bigint AS left_micros,
       coalesce(sum(amount_micros) FILTER (WHERE amount_micros > 0), 0)::bigint AS back_micros
  FROM bank_entry
 WHERE book_id = $1 AND transaction_id = ANY($2::text[]) AND currency = $3 AND NOT entry_id = ANY($4::text[])
 GROUP BY transaction_id

-- name: seen
-- Which of the payouts $2 any statement has.
SELECT DISTINCT transaction_id FROM bank_entry WHERE book_id = $1 AND transaction_id = ANY($2::text[])

-- name: of_payout
-- What statements say of the payout $2.
SELECT entry_id, day, amount_micros, currency, reference
  FROM bank_entry
 WHERE book_id = $1 AND transaction_id = $2
 ORDER BY day, entry_id

-- part: payout_here
-- A payout that people send, with what became of it; its transaction's row says so.
SELECT payout.transaction_id, payout.amount_micros, payout.bank_reference, payout.message_id, transaction.status,
       transaction.refunded_micros, coalesce(payout.ended_at, payout.opened_at) AS at
  FROM payout
  JOIN transaction ON transaction.book_id = payout.book_id AND transaction.transaction_id = payout.transaction_id
  JOIN book ON book.book_id = payout.book_id
 WHERE payout.rail IN ('manual', 'file')

-- name: by_id
-- The payouts $2, in the books $1, of the environment $3.
/* part: payout_here */
   AND payout.book_id = ANY($1::bigint[]) AND payout.transaction_id = ANY($2::text[]) AND book.environment = $3

-- name: by_bank_reference
-- Those of the environment $2 that people have said the bank calls $1.
/* part: payout_here */
   AND payout.bank_reference = ANY($1::text[]) AND book.environment = $2

-- name: of_files
-- Those of the environment $2 that are in the files $1.
/* part: payout_here */
   AND payout.message_id = ANY($1::text[]) AND book.environment = $2

-- name: sent_between
-- Those of the environment $1 that people said were sent from $2 to before $3, and that did not come back.
/* part: payout_here */
   AND book.environment = $1 AND payout.ended_at >= $2 AND payout.ended_at < $3
   AND transaction.status = 'Success' AND transaction.refunded_micros = 0
