-- What a seller decides about its charges. Read by charge_rules.py. Of books, which every machine has a copy of.

-- name: find
-- Of the book $1.
SELECT minimum_charge_micros AS smallest_charge_micros, dust_rule FROM book WHERE book_id = $1

-- name: lock
-- The books $1 of a seller, so that what is decided about them and its row in the audit log have one order.
SELECT book_id FROM book WHERE book_id = ANY($1::bigint[]) ORDER BY book_id FOR NO KEY UPDATE

-- name: set_smallest_charge
-- In all books $1 of a seller. Processes that remember the old one find that the book has changed.
UPDATE book SET minimum_charge_micros = $2 WHERE book_id = ANY($1::bigint[])

-- name: set_dust_rule
-- $2 in all books $1 of a seller; debts of less than a cent are looked for at $3 then, or never where it is null.
UPDATE book SET dust_rule = $2, dust_due_at = $3 WHERE book_id = ANY($1::bigint[])
