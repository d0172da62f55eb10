-- Less than a cent, which real money cannot move by itself. Read by dust.py. Amounts are micro-units.

-- name: due
-- Books of sellers whose rule writes debts of less than a cent off, in which it is time ($1) to look for them; at most $2.
SELECT book_id, party_id, environment, dust_rule, dust_due_at
  FROM book
 WHERE dust_due_at <= $1
 ORDER BY dust_due_at, book_id
 LIMIT $2

-- name: advance
-- Look again at $3, unless somebody has changed the rule since it was due ($2).
UPDATE book SET dust_due_at = $3 WHERE book_id = $1 AND dust_due_at = $2

-- name: owed
-- Tabs of a book ($1) on which less than a cent ($2) is owed, nothing of it being settled, and on which at $3, the books'
-- time, nothing can be charged any more; where $4, also those whose last transaction was a settlement. After the tab $5, at
-- most $6.
SELECT instrument.instrument_id, account.balance_micros
  FROM account
  JOIN instrument ON instrument.book_id = account.book_id AND instrument.instrument_id = account.subject
 WHERE account.book_id = $1 AND account.kind = 'receivable' AND account.balance_micros > 0
   AND account.balance_micros < $2 AND instrument.pending_micros = 0 AND instrument.instrument_id > $5
   AND (instrument.expires_at <= $3
        OR NOT EXISTS (SELECT FROM token
                        WHERE token.book_id = $1 AND token.instrument_id = instrument.instrument_id
                          AND token.purpose = 'credit_sender' AND token.cancelled_at IS NULL
                          AND (token.expires_at IS NULL OR token.expires_at > $3))
        OR $4 AND (SELECT latest.settles
                     FROM (SELECT transaction_id, operation = 'SettleDebt' AND status = 'Success' AS settles
                             FROM transaction
                            WHERE transaction.book_id = $1
                              AND hashtextextended(transaction.instrument_id, 0)
                                  = hashtextextended(instrument.instrument_id, 0)
                              AND transaction.instrument_id = instrument.instrument_id
                            UNION ALL
                           SELECT transaction_id, false
                             FROM transaction
                            WHERE transaction.book_id = $1 AND own_debit_account = instrument.account_id
                              AND /* part: names_account_only */) AS latest
                    ORDER BY latest.transaction_id DESC
                    LIMIT 1))
 ORDER BY instrument.instrument_id
 LIMIT $6

-- name: sums
-- How many balances and tabs of a seller's books ($1) have less than a cent ($2) on them, and how much in all.
SELECT kind, count(*) AS holdings, sum(abs(balance_micros))::bigint AS micros
  FROM account
 WHERE book_id = ANY($1) AND kind IN ('prepaid', 'receivable') AND balance_micros <> 0 AND abs(balance_micros) < $2
 GROUP BY kind
