-- Balances that have fallen below an amount that their seller has chosen. Read by low_balances.py. $1 is the book where nothing
-- else is said; amounts are micro-units. Payments write nothing here.

-- name: amount
-- What a seller has chosen; null: nothing.
SELECT low_balance_micros FROM book WHERE book_id = $1

-- name: set_amount
-- $2 in all books $1 of a seller, since $3, real time.
UPDATE book SET low_balance_micros = $2, low_balance_since = $3 WHERE book_id = ANY($1::bigint[])

-- name: books
-- The books whose sellers have chosen one.
SELECT book_id, low_balance_micros AS amount_micros, low_balance_since AS amount_since, clock_offset_seconds
  FROM book
 WHERE low_balance_micros IS NOT NULL
 ORDER BY book_id

-- name: has_look
SELECT true FROM low_balance_look WHERE book_id = $1

-- name: open_look
-- It would wait for whoever holds the row of a book that has one.
INSERT INTO low_balance_look (book_id) VALUES ($1) ON CONFLICT (book_id) DO NOTHING

-- name: lock_look
-- How far a book has been looked at, held until the commit; no row while another process is at it.
SELECT amount_micros, amount_since, begun_at, looked_until
  FROM low_balance_look
 WHERE book_id = $1
   FOR UPDATE SKIP LOCKED

-- name: forget
DELETE FROM low_balance WHERE book_id = $1

-- name: begin
-- With a new amount ($2) at $3, the book's time: what is below it now, and all that has come since $4, which may still be
-- committed while this looks. No top-up of before counts.
INSERT INTO low_balance (book_id, instrument_id, is_low, risen_at)
SELECT $1, instrument.instrument_id, abs(account.balance_micros) < $2, $3::timestamptz
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
 WHERE instrument.book_id = $1 AND instrument.kind = 'prepaid'
   AND (abs(account.balance_micros) < $2 OR instrument.created_at >= $4)

-- name: changed
-- Balances of which something moved since $3 (as an id: $4), and that went below the amount $2, or came back, since the last
-- look; whether something can still be charged to each at $5, the book's time. One that was not looked at before was low if
-- it was agreed to after $6: it began with nothing. A top-up of the amount or more lifts a balance above it whatever was
-- there, also where it is spent again by now. At most $7. Each instrument is looked up by its key (OFFSET 0): what is expected of
-- how many moved is wrong by far on a busy book, and joining all instruments with all that moved takes minutes.
WITH moved AS (
    SELECT instrument_id, NULL::timestamptz AS risen_at
      FROM transaction
     WHERE book_id = $1 AND transaction_id >= $4 AND instrument_id IS NOT NULL
    UNION ALL
    SELECT account.subject, NULL
      FROM transaction
      JOIN account ON account.book_id = $1 AND account.account_id = transaction.own_debit_account
     WHERE transaction.book_id = $1 AND transaction.transaction_id >= $4 AND transaction.instrument_id IS NULL
    UNION ALL
    SELECT account.subject, CASE WHEN transfer.amount_micros >= $2 THEN transfer.booked_at END
      FROM transfer
      JOIN account ON account.book_id = $1 AND account.account_id = transfer.credit_account
     WHERE transfer.book_id = $1 AND transfer.booked_at >= $3 AND transfer.debit_account = 1
    UNION ALL
    SELECT account.subject, NULL
      FROM transfer
      JOIN account ON account.book_id = $1 AND account.account_id = transfer.debit_account
     WHERE transfer.book_id = $1 AND transfer.booked_at >= $3 AND transfer.credit_account = 1
), touched AS (
    SELECT instrument_id, max(risen_at) AS risen_at FROM moved GROUP BY instrument_id
), looked_at AS (
    SELECT instrument.instrument_id, instrument.expires_at, abs(account.balance_micros) < $2 AS is_low,
           coalesce(low_balance.is_low, instrument.created_at >= $6) AS was_low,
           greatest(touched.risen_at, low_balance.risen_at) AS risen_at,
           coalesce(touched.risen_at > coalesce(low_balance.risen_at, '-infinity'), false) AS has_risen
      FROM touched
     CROSS JOIN LATERAL (SELECT * FROM instrument
                          WHERE instrument.book_id = $1 AND instrument.instrument_id = touched.instrument_id
                         OFFSET 0) AS instrument
      JOIN account ON account.book_id = $1 AND account.account_id = instrument.account_id
      LEFT JOIN low_balance ON low_balance.book_id = $1 AND low_balance.instrument_id = instrument.instrument_id
     WHERE instrument.kind = 'prepaid'
)
SELECT instrument_id, is_low, risen_at,
       (expires_at IS NULL OR expires_at > $5)
       AND EXISTS (SELECT FROM token
                    WHERE token.book_id = $1 AND token.instrument_id = looked_at.instrument_id
                      AND token.purpose = 'prepaid_sender' AND token.cancelled_at IS NULL) AS is_usable
  FROM looked_at
 WHERE is_low <> was_low OR is_low AND has_risen
 ORDER BY instrument_id
 LIMIT $7

-- name: keep
-- How each of the balances $2 is now.
INSERT INTO low_balance (book_id, instrument_id, is_low, risen_at)
SELECT $1, now.instrument_id, now.is_low, now.risen_at
  FROM unnest($2::text[], $3::boolean[], $4::timestamptz[]) AS now (instrument_id, is_low, risen_at)
    ON CONFLICT (book_id, instrument_id) DO UPDATE SET is_low = excluded.is_low, risen_at = excluded.risen_at

-- name: advance
UPDATE low_balance_look
   SET amount_micros = $2, amount_since = $3, begun_at = $4, looked_until = $5
 WHERE book_id = $1
