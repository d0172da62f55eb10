-- What the console's first page adds up. Read by figures.py. Amounts are micro-units; nothing here locks what money needs.

-- name: happened
-- What happened in a book ($1) from one moment ($2) until before another ($3), in slices of five minutes by the book's
-- clock; $4 and $5 are the same moments as ids. All of it is final: payments from balances and on tabs are when they are
-- answered, and what cash did is counted when it moved. `refused:…` has the code of the refusal.
WITH final AS (
    SELECT received_at AS at, amount_micros,
           CASE operation WHEN 'Refund' THEN 'returned' WHEN 'WriteOffDebt' THEN 'written_off'
                ELSE CASE payment_method WHEN 'Prepaid' THEN 'spent' ELSE 'charged' END END AS figure
      FROM transaction
     WHERE book_id = $1 AND transaction_id >= $4 AND transaction_id < $5
       AND status = 'Success' AND payment_method IN ('Prepaid', 'Debt')
    UNION ALL
    SELECT booked_at, amount_micros,
           CASE WHEN debit_account = 1
                THEN CASE other.kind WHEN 'prepaid' THEN 'funded' WHEN 'receivable' THEN 'settled' ELSE 'direct' END
                ELSE 'paid_back' END
      FROM transfer
      JOIN account AS other ON other.book_id = transfer.book_id
                           AND other.account_id = CASE debit_account WHEN 1 THEN credit_account ELSE debit_account END
     WHERE transfer.book_id = $1 AND booked_at >= $2 AND booked_at < $3
       AND (debit_account = 1 AND other.kind IN ('prepaid', 'receivable', 'sales', 'commission_income')
            OR credit_account = 1 AND other.kind IN ('sales', 'prepaid'))
    UNION ALL
    SELECT answered_at, 0, 'refused:' || refusal
      FROM answered_reference
     WHERE book_id = $1 AND answered_at >= $2 AND answered_at < $3 AND refusal IS NOT NULL
)
SELECT date_bin('5 minutes', at, '1970-01-01T00:00:00Z') AS starts_at, figure, count(*) AS number,
       sum(amount_micros)::bigint AS amount_micros
  FROM final
 GROUP BY 1, 2

-- name: begin
-- A book ($1) whose console is opened for the first time: from $2 on, or since there is the book.
INSERT INTO figure_state (book_id, added_until)
SELECT book_id, greatest($2, date_bin('5 minutes', created_at, '1970-01-01T00:00:00Z')) FROM book WHERE book_id = $1
    ON CONFLICT DO NOTHING

-- name: added_until
SELECT added_until FROM figure_state WHERE book_id = $1

-- name: kept_debt
SELECT debt, debt_at FROM figure_state WHERE book_id = $1

-- name: balances
-- One number that changes as soon as any of the tabs of a book ($1) does, as text.
SELECT coalesce(sum(hashtextextended(subject, balance_micros)), 0)::text
  FROM account
 WHERE book_id = $1 AND kind = 'receivable' AND balance_micros > 0

-- name: claim
-- Whoever adds up holds the row; others do not wait for it.
SELECT added_until FROM figure_state WHERE book_id = $1 FOR UPDATE SKIP LOCKED

-- name: far_enough
-- The id after so many ($4) transactions of a book ($1) between two ids ($2, $3), if there are more.
SELECT transaction_id
  FROM transaction
 WHERE book_id = $1 AND transaction_id >= $2 AND transaction_id < $3
 ORDER BY transaction_id
OFFSET $4
 LIMIT 1

-- name: keep
INSERT INTO figure_slice (book_id, starts_at, figure, number, amount_micros)
SELECT $1, slice.* FROM unnest($2::timestamptz[], $3::text[], $4::bigint[], $5::bigint[]) AS slice

-- name: advance
UPDATE figure_state SET added_until = $2 WHERE book_id = $1

-- name: keep_debt
UPDATE figure_state SET debt = $2, debt_at = $3 WHERE book_id = $1

-- name: behind
-- Books whose figures end at least $2 before their own time; $1 is the wall clock's.
SELECT book_id, clock_offset_seconds
  FROM figure_state
  JOIN book USING (book_id)
 WHERE added_until < $1::timestamptz + make_interval(secs => clock_offset_seconds) - $2::interval
 ORDER BY added_until
 LIMIT $3

-- name: added_up
-- The figures of a seller's books ($1) from a moment ($2) on, for each hour, day or week ($3).
SELECT date_trunc($3, starts_at, 'UTC') AS starts_at, figure, sum(number)::bigint AS number,
       sum(amount_micros)::bigint AS amount_micros
  FROM figure_slice
 WHERE book_id = ANY($1) AND starts_at >= $2
 GROUP BY 1, 2

-- name: holdings
-- What a seller owes on balances and has in cash, in all its books ($1), and on how many accounts.
SELECT kind, count(*) AS number, abs(sum(balance_micros))::bigint AS amount_micros
  FROM account
 WHERE book_id = ANY($1) AND kind IN ('prepaid', 'cash') AND balance_micros <> 0
 GROUP BY kind
