-- What left the books for the archive, summed by month. Read by movements.py. Amounts are micro-units.

-- name: kinds
-- Of which kinds the accounts $2 of the book $1 are.
SELECT account_id, kind FROM account WHERE book_id = $1 AND account_id = ANY($2::bigint[])

-- name: keep
INSERT INTO archived_movement AS known (book_id, month, debit, credit, takes_back, of_debit, of_credit, number, amount_micros)
SELECT *
  FROM unnest($1::bigint[], $2::date[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::bigint[],
              $9::bigint[])
    ON CONFLICT (book_id, month, debit, credit, takes_back, of_debit, of_credit) DO UPDATE
   SET number = known.number + excluded.number, amount_micros = known.amount_micros + excluded.amount_micros

-- name: kept
SELECT book_id, month, debit, credit, takes_back, of_debit, of_credit, number, amount_micros FROM archived_movement
