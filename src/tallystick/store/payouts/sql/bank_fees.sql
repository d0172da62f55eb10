-- Fees of the operator's bank and the entries that they were booked for. Read by bank_fees.py. The book $1 is the operator's.

-- name: of_days
-- Those of the days $2.
SELECT entry_id, day, fee_micros, number, account FROM bank_fee WHERE book_id = $1 AND day = ANY($2::date[])

-- name: claim
-- The entry $5 has the fee of the day $2, of the amount $3 and the number $4. No row: another one has it, or this one has one.
INSERT INTO bank_fee (book_id, day, fee_micros, number, entry_id, account)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
RETURNING true
