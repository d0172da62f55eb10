-- Opening of books. Read by create_book.py. Not on the money path: money.sql has what is.

-- name: create
-- The first book of the seller $2, in which one payment is at least $6 micro-units. What the answer to a request told already
-- is notified of only where the seller asks for it.
INSERT INTO book (book_id, party_id, environment, currency, notify_immediate, created_at, minimum_charge_micros)
VALUES ($1, $2, $3, $4, false, $5, $6)

-- name: create_shard
-- One more book ($1) for the seller of the book $2, as part $3, with that one's settings.
INSERT INTO book (book_id, party_id, environment, currency, part, minimum_charge_micros, clock_offset_seconds,
            notification_url, notify_immediate, notify_write_offs, disputed_settlements, dust_rule, dust_due_at,
            created_at)
SELECT $1, party_id, environment, currency, $3, minimum_charge_micros, clock_offset_seconds, notification_url,
       notify_immediate, notify_write_offs, disputed_settlements, dust_rule, dust_due_at, $4
  FROM book
 WHERE book_id = $2

-- name: create_operator_book
-- Unless there is one.
INSERT INTO book (book_id, party_id, environment, currency, created_at)
VALUES ($1, NULL, $2, $3, $4)
    ON CONFLICT (party_id, environment, currency, part) DO NOTHING

-- name: operator_book
-- The operator's own book of an environment: it has no party.
SELECT book_id FROM book WHERE party_id IS NULL AND environment = $1 AND currency = $2

-- name: book_of_seller
-- The first one, where the seller has several.
SELECT book_id FROM book WHERE party_id = $1 AND environment = $2 AND currency = $3 AND part = 0

-- name: open_account
-- Unless it is open.
INSERT INTO account (book_id, account_id, kind, subject, floor_micros, ceiling_micros)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
