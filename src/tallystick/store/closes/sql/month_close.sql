-- What moved in a book until, within and after a span of time, by kinds of accounts. Read by month_close.py. $1 is the
-- book, $2 the first moment of the span, $3 the first after it. Amounts are micro-units, debits less credits.

-- name: moved
-- Everything in one statement, so of one state of the books: what the archive carries over ('carried'), and what of that was
-- booked in the month of the span ('archived') and in later ones ('archived_after'); what was booked 'before', 'within' and
-- 'after' the span by debited and credited account, and how the accounts stand 'now'. Within the
-- span, movements of cash (account 1) also tell whether they take back what the same transaction, or the refund that is
-- reversed, had moved the other way; fees (account 3) tell what else their transaction moved. 6: shares of callers.
WITH summed AS (
    SELECT CASE WHEN booked_at < $2 THEN 'before' WHEN booked_at < $3 THEN 'within' ELSE 'after' END AS period,
           debit_account, credit_account, false AS takes_back, NULL::bigint AS of_debit, NULL::bigint AS of_credit,
           count(*) AS number, sum(amount_micros) AS amount_micros
      FROM /* part: booked_in_book */ AS transfer
     WHERE book_id = $1 AND NOT (booked_at >= $2 AND booked_at < $3 AND (debit_account = 1 OR credit_account = 1))
     GROUP BY 1, 2, 3
    UNION ALL
    SELECT 'within', moved.debit_account, moved.credit_account,
           EXISTS (SELECT FROM transfer AS earlier
                    WHERE earlier.book_id = $1 AND earlier.transaction_id = moved.transaction_id
                      AND earlier.number < moved.number AND earlier.debit_account = moved.credit_account
                      AND earlier.credit_account = moved.debit_account)
           OR EXISTS (SELECT FROM transaction
                       WHERE transaction.book_id = $1 AND transaction.transaction_id = moved.transaction_id
                         AND operation = 'RefundReversal'),
           main.debit_account, main.credit_account, 1, moved.amount_micros
      FROM transfer AS moved
      LEFT JOIN LATERAL (
           SELECT beside.debit_account, beside.credit_account
             FROM transfer AS beside
            WHERE beside.book_id = $1 AND beside.transaction_id = moved.transaction_id
              AND (moved.debit_account = 3 OR moved.credit_account = 3)
              AND beside.debit_account NOT IN (3, 6) AND beside.credit_account NOT IN (3, 6)
            ORDER BY beside.number
            LIMIT 1) AS main ON true
     WHERE moved.book_id = $1 AND moved.booked_at >= $2 AND moved.booked_at < $3
       AND (moved.debit_account = 1 OR moved.credit_account = 1)
)
SELECT period, debit.kind AS debit, credit.kind AS credit, takes_back, of_debit.kind AS of_debit,
       of_credit.kind AS of_credit, sum(number) AS number, sum(amount_micros) AS amount_micros
  FROM summed
  LEFT JOIN account AS debit ON debit.book_id = $1 AND debit.account_id = summed.debit_account
  LEFT JOIN account AS credit ON credit.book_id = $1 AND credit.account_id = summed.credit_account
  LEFT JOIN account AS of_debit ON of_debit.book_id = $1 AND of_debit.account_id = summed.of_debit
  LEFT JOIN account AS of_credit ON of_credit.book_id = $1 AND of_credit.account_id = summed.of_credit
 GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT 'carried', account.kind, NULL, false, NULL, NULL, count(*), sum(archived_balance.balance_micros)
  FROM archived_balance
  JOIN account ON account.book_id = $1 AND account.account_id = archived_balance.account_id
 WHERE archived_balance.book_id = $1
 GROUP BY account.kind
UNION ALL
SELECT CASE WHEN month < ($3::timestamptz AT TIME ZONE 'UTC')::date THEN 'archived' ELSE 'archived_after' END, debit, credit,
       takes_back, nullif(of_debit, ''), nullif(of_credit, ''), sum(number), sum(amount_micros)
  FROM archived_movement
 WHERE book_id = $1 AND month >= ($2::timestamptz AT TIME ZONE 'UTC')::date
 GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT 'now', kind, NULL, false, NULL, NULL, count(*), sum(balance_micros)
  FROM account
 WHERE book_id = $1
 GROUP BY kind

-- name: begun
-- Since when there are books ($1).
SELECT min(created_at) FROM book WHERE book_id = ANY($1::bigint[])

-- name: disputes_archived
-- Whether disputes of a book ($1) that are in the archive (opened before $2) were closed after a moment ($3), so that
-- what the archive carries over may hold movements from after it.
SELECT EXISTS (SELECT FROM dispute WHERE book_id = $1 AND opened_at < $2 AND closed_at >= $3)

-- name: borne_elsewhere
-- The same of disputes that a seller ($1) bears for charges in books of others.
SELECT EXISTS (SELECT FROM dispute WHERE bearer_party_id = $1 AND opened_at < $2 AND closed_at >= $3)

-- name: dues_archived
-- Whether the archive carries over what a book's ($1) seller owed for disputes (account 21): it may have been paid long after
-- they were closed.
SELECT EXISTS (SELECT FROM archived_balance WHERE book_id = $1 AND account_id = 21)

-- name: unsummed
-- Up to where history was moved to the archive without its sums by month, by the clocks of its books, and when that was done
-- last, by the wall clock; null: never.
SELECT max(completed_before) AS completed_before, max(archived_at) AS archived_at FROM archive_batch WHERE NOT is_summed
