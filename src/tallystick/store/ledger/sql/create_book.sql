-- Opening of books. Read by create_book.py. Not on the money path: money.sql has what is.

-- name: create
-- The first book of the seller $2, in which one payment is at least $6 micro-units, mirrored in the part $7 of the operator's.
-- What the answer to a request told already is notified of only where the seller asks for it.
INSERT INTO book (book_id, party_id, environment, currency, notify_immediate, created_at, minimum_charge_micros,
            operator_part)
VALUES ($1, $2, $3, $4, false, $5, $6, $7)

-- name: create_shard
-- One more book ($1) for the seller of the book $2, as part $3, with that one's settings, mirrored in the part $5 of the
-- operator's.
INSERT INTO book (book_id, party_id, environment, currency, part, minimum_charge_micros, clock_offset_seconds,
            notification_url, notify_immediate, notify_write_offs, signature_method, disputed_settlements, dust_rule,
            dust_due_at, charge_events, low_balance_micros, low_balance_since, created_at, operator_part)
SELECT $1, party_id, environment, currency, $3, minimum_charge_micros, clock_offset_seconds, notification_url,
       notify_immediate, notify_write_offs, signature_method, disputed_settlements, dust_rule, dust_due_at, charge_events,
       low_balance_micros, low_balance_since, $4, $5
  FROM book
 WHERE book_id = $2

-- name: create_operator_book
-- Its part $5, unless there is one.
INSERT INTO book (book_id, party_id, environment, currency, created_at, part, operator_part)
VALUES ($1, NULL, $2, $3, $4, $5, $5)
    ON CONFLICT (party_id, environment, currency, part) DO NOTHING

-- part: operator_books
-- The operator's own books of an environment ($1) and a currency ($2): they have no party. The first one first.
SELECT part, book_id FROM book WHERE party_id IS NULL AND environment = $1 AND currency = $2 ORDER BY part

-- name: operator_parts
-- As they are at this moment.
/* part: operator_books */

-- name: lock_operator_parts
-- The same: who opens more of them meanwhile waits.
/* part: operator_books */ FOR UPDATE

-- name: books_of_parts
-- How many books of sellers each part of the operator's book mirrors.
SELECT operator_part AS part, count(*) AS books
  FROM book
 WHERE party_id IS NOT NULL AND environment = $1 AND currency = $2
 GROUP BY operator_part

-- name: unbind
-- One part by itself may owe a seller less than nothing, or have given back more fees than it took: the sum of all does not.
UPDATE account SET ceiling_micros = NULL
 WHERE book_id = $1 AND kind IN ('owed_to', 'fee_income') AND ceiling_micros IS NOT NULL

-- name: book_of_seller
-- The first one, where the seller has several.
SELECT book_id FROM book WHERE party_id = $1 AND environment = $2 AND currency = $3 AND part = 0

-- name: open_account
-- Unless it is open.
INSERT INTO account (book_id, account_id, kind, subject, floor_micros, ceiling_micros)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
