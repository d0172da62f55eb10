-- The proof that goes on all the time. Read by running_proof.py. What is looked at: transactions with ids from the boundary $1
-- on, and those that were not over when the boundary was drawn: books $2 and their ids $3, except where said otherwise.

-- name: turn
-- Until the end of the transaction; false: another worker is at it.
SELECT pg_try_advisory_xact_lock($1)

-- name: read
-- How far the proof has come, and what it found.
SELECT boundary, open_books, open_transactions, proven_at, transactions, unexplained_micros, problems FROM running_proof

-- name: keep
-- How far it has come now.
INSERT INTO running_proof (boundary, open_books, open_transactions, proven_at, transactions, unexplained_micros, problems)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (only_row) DO UPDATE
   SET boundary = excluded.boundary, open_books = excluded.open_books, open_transactions = excluded.open_transactions,
       proven_at = excluded.proven_at, transactions = excluded.transactions,
       unexplained_micros = excluded.unexplained_micros, problems = excluded.problems

-- name: begin
-- Begin anew: nothing is proven.
DELETE FROM proven_balance

-- name: archived
-- What the archive carries over.
SELECT book_id, account_id, balance_micros FROM archived_balance

-- name: open
-- Transactions that are not over: what they move may still come.
SELECT book_id, transaction_id FROM rail_request WHERE operation NOT IN ('void', 'return')
UNION
SELECT book_id, transaction_id FROM payout WHERE ended_at IS NULL
UNION
SELECT book_id, transaction_id FROM transaction WHERE status = 'Reserved'
UNION
SELECT book_id, transaction_id FROM dispute WHERE due_micros > 0

-- name: moved
-- What the transfers that are looked at come to, by account; and those among them that are over and older than the new
-- boundary $3 ($2 and $4: ids of transactions that were, and are, not over). What is its own transfer, to the seller's sales
-- (account 2), is over at once; it is read book by book, as below.
SELECT book_id, account_id, sum(delta)::bigint AS micros,
       coalesce(sum(delta) FILTER (WHERE transaction_id < $3 AND transaction_id <> ALL($4::text[])), 0)::bigint
           AS closed_micros
  FROM (SELECT book_id, transaction_id, debit_account AS account_id, amount_micros AS delta
          FROM transfer WHERE transaction_id >= $1 OR transaction_id = ANY($2::text[])
        UNION ALL
        SELECT book_id, transaction_id, credit_account, -amount_micros
          FROM transfer WHERE transaction_id >= $1 OR transaction_id = ANY($2::text[])
        UNION ALL
        SELECT transaction.book_id, transaction_id, own_debit_account, amount_micros
          FROM book JOIN transaction ON transaction.book_id = book.book_id AND transaction_id >= $1
         WHERE own_debit_account IS NOT NULL
        UNION ALL
        SELECT transaction.book_id, transaction_id, 2::bigint, -amount_micros
          FROM book JOIN transaction ON transaction.book_id = book.book_id AND transaction_id >= $1
         WHERE own_debit_account IS NOT NULL) AS movement
 GROUP BY book_id, account_id

-- name: all_accounts
-- For the first proof: every balance.
SELECT book_id, account_id, balance_micros, 0::bigint AS proven_micros FROM account

-- name: accounts
-- Balances of the accounts $2 in the books $1, and what of each is proven.
SELECT account.book_id, account.account_id, account.balance_micros,
       coalesce(proven.balance_micros, 0) AS proven_micros
  FROM account
  JOIN unnest($1::bigint[], $2::bigint[]) AS asked (book_id, account_id)
    ON account.book_id = asked.book_id AND account.account_id = asked.account_id
  LEFT JOIN proven_balance AS proven
         ON proven.book_id = account.book_id AND proven.account_id = account.account_id

-- name: prove
-- More is proven of the accounts $2 in the books $1: by $3.
INSERT INTO proven_balance (book_id, account_id, balance_micros)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
    ON CONFLICT (book_id, account_id) DO UPDATE
   SET balance_micros = proven_balance.balance_micros + excluded.balance_micros

-- part: window
-- The tables of verify.sql, cut down to what is looked at. Book by book: an index of transactions begins with it.
looked_at AS MATERIALIZED (
    SELECT transaction.* FROM book JOIN transaction ON transaction.book_id = book.book_id AND transaction_id >= $1
    UNION ALL -- these are older, so nothing is there twice: to find that out would be a quarter of the work
    SELECT transaction.*
      FROM transaction
      JOIN unnest($2::bigint[], $3::text[]) AS open (book_id, transaction_id)
        ON transaction.book_id = open.book_id AND transaction.transaction_id = open.transaction_id
     WHERE transaction.transaction_id < $1
)

-- name: count
-- How many transactions are looked at. What stands before the mark is put before the checks of verify.sql, for which it hides
-- the whole tables.
WITH /* part: window */, transaction AS MATERIALIZED (SELECT * FROM looked_at), transfer AS MATERIALIZED (
    SELECT * FROM transfer WHERE transaction_id >= $1 OR transaction_id = ANY($3::text[])
), transaction_step AS MATERIALIZED (
    SELECT transaction_step.*
      FROM transaction_step
      JOIN looked_at ON looked_at.book_id = transaction_step.book_id
                    AND looked_at.transaction_id = transaction_step.transaction_id
)
-- mark
SELECT count(*) FROM looked_at

-- name: touched
-- The accounts of which it is known without any transfer: those of the instruments of what is looked at, and all totals.
WITH /* part: window */
SELECT instrument.book_id, instrument.account_id
  FROM looked_at
  JOIN instrument ON instrument.book_id = looked_at.book_id AND instrument.instrument_id = looked_at.instrument_id
UNION
SELECT book_id, account_id FROM account WHERE account_id < 1::bigint << 62
