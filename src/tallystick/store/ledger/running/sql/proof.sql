-- The proof that goes on all the time. Read by proof.py, slices.py and balances.py. A slice is what has ids
-- from $1 on and before $2, in every book; other arguments are said where they are.

-- name: turn
-- One run at a time ($1 names the lock); false: another worker is at it.
SELECT pg_try_advisory_lock($1)

-- name: end_turn
-- The session stays in the pool: its lock has to be given back.
SELECT pg_advisory_unlock($1)

-- name: plan_gently
-- Until the end of the transaction every statement is planned for its arguments: one plan for all of them takes few
-- rows for granted, and looks through all of a piece for each row of it. And it has one processor, not those of payments.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('max_parallel_workers_per_gather', '0', true)

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

-- name: batches
-- How much has been archived: what leaves the books while they are read piece by piece would be counted twice.
SELECT count(*) FROM archive_batch

-- part: sliced
-- The transactions of a slice, book by book: an index of them begins with it.
book JOIN transaction ON transaction.book_id = book.book_id AND transaction_id >= $1 AND transaction_id < $2

-- name: size
-- How many transactions a slice has; $3 are enough to know.
SELECT count(*) FROM (SELECT FROM /* part: sliced */ LIMIT $3) AS few

-- name: sums
-- What the payments of a slice that are transfers themselves moved, each from its account to the seller's sales (account 2).
SELECT book_id, array_agg(account_id) AS accounts, array_agg(micros) AS micros, sum(micros)::bigint AS sum
  FROM (SELECT transaction.book_id, own_debit_account, sum(amount_micros)::bigint
          FROM /* part: sliced */
         WHERE own_debit_account IS NOT NULL
         GROUP BY transaction.book_id, own_debit_account) AS moved (book_id, account_id, micros)
 GROUP BY book_id

-- name: plain
-- The same, and which transactions of the slice ($1, $2) are more than plain payments, by book. All that the checks
-- ask of a plain one by itself is asked here, once, except whose account it was paid from: `links` are digests of its instrument
-- with its method, or of its buyer where it names no instrument, for `accounts`. Its reference was spent by it, and by nothing else, since the row of a reference names one
-- transaction. A row that has a row of `transfer` or a later status beside it is found by `beside`. Of the others are said what they
-- have to be seen together with, which is the transaction that their reference was spent by, and what came later than the
-- refund that gives it back; and their instruments.
SELECT book_id, count(*) AS transactions, min(received_at) AS first_at, max(received_at) AS last_at,
       array_agg(own_debit_account) FILTER (WHERE own_debit_account IS NOT NULL) AS accounts,
       array_agg(amount_micros) FILTER (WHERE own_debit_account IS NOT NULL) AS micros,
       array_agg(link) FILTER (WHERE own_debit_account IS NOT NULL) AS links,
       array_agg(transaction_id) FILTER (WHERE is_plain IS NOT TRUE) AS others,
       array_agg(instrument_id) FILTER (WHERE is_plain IS NOT TRUE AND instrument_id IS NOT NULL) AS instruments,
       array_agg(spent_by) FILTER (WHERE spent_by <> transaction_id) AS companions,
       array_agg(original_id) FILTER (WHERE original_id > transaction_id) AS originals
  FROM (SELECT *, is_usual AND received_at <= completed_at + interval '120 seconds' AND spent_by = transaction_id AS is_plain
          FROM (SELECT transaction.book_id, transaction_id, received_at, completed_at, own_debit_account,
                       amount_micros::bigint, instrument_id, original_id,
                       CASE WHEN instrument_id IS NULL
                            THEN hashint8extended(sender_party_id, CASE payment_method WHEN 'Prepaid' THEN 3 WHEN 'Debt' THEN 4 END)
                            ELSE hashtextextended(instrument_id, CASE payment_method WHEN 'Prepaid' THEN 1 WHEN 'Debt' THEN 2 END)
                        END AS link,
                       own_debit_account IS NOT NULL AND operation = 'Pay' AND status = 'Success'
                           AND coalesce(status_number, 1) = 1 AND payment_method IN ('Prepaid', 'Debt')
                           AND (instrument_id IS NOT NULL OR sender_party_id IS NOT NULL)
                           AND recipient_party_id IS NULL AND coalesce(fee_micros, 0) = 0 AND original_id IS NULL AS is_usual,
                       (SELECT answered.transaction_id FROM answered_reference AS answered
                         WHERE answered.book_id = transaction.book_id
                           AND answered.reference_digest = /* part: reference_digest */) AS spent_by
                  FROM /* part: sliced */
                OFFSET 0) AS seen) AS judged
 GROUP BY book_id

-- name: beside
-- Transactions of a slice with a row of `transfer`, in any book, or with a later status. Brought together by a sort or in a hash,
-- not by a guess of how many they are.
SELECT book_id, transaction_id
  FROM (SELECT transaction_id, array_agg(book_id) FILTER (WHERE NOT is_beside) AS books
          FROM (SELECT transaction.book_id, transaction_id, false AS is_beside FROM /* part: sliced */
                UNION ALL
                SELECT NULL, transaction_id, true FROM transfer WHERE transaction_id >= $1 AND transaction_id < $2
                UNION ALL
                SELECT NULL, transaction_id, true
                  FROM book
                  JOIN transaction_step AS step
                    ON step.book_id = book.book_id AND transaction_id >= $1 AND transaction_id < $2) AS seen
         GROUP BY transaction_id
        HAVING bool_or(is_beside)) AS beside
 CROSS JOIN LATERAL unnest(books) AS found (book_id)

-- name: has_steps
-- Whether anything in a slice came to a later status.
SELECT EXISTS (SELECT FROM book JOIN transaction_step AS step
                   ON step.book_id = book.book_id AND transaction_id >= $1 AND transaction_id < $2)

-- name: moved
-- What the transfers of a slice, and of the transactions $3, come to, by account; and those of them that are over (not $4).
SELECT book_id, account_id, sum(delta)::bigint AS micros,
       coalesce(sum(delta) FILTER (WHERE transaction_id <> ALL($4::text[])), 0)::bigint AS closed_micros
  FROM (SELECT book_id, transaction_id, debit_account AS account_id, amount_micros AS delta
          FROM transfer WHERE transaction_id >= $1 AND transaction_id < $2 OR transaction_id = ANY($3::text[])
        UNION ALL
        SELECT book_id, transaction_id, credit_account, -amount_micros
          FROM transfer WHERE transaction_id >= $1 AND transaction_id < $2 OR transaction_id = ANY($3::text[])) AS movement
 GROUP BY book_id, account_id

-- name: companions
-- What has to be seen together with older transactions (books $1, ids $2), as `plain` says it of newer ones.
SELECT transaction.book_id, answered.transaction_id
  FROM unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
  JOIN transaction
    ON transaction.book_id = asked.book_id AND transaction.transaction_id = asked.transaction_id
  JOIN answered_reference AS answered
    ON answered.book_id = transaction.book_id AND answered.reference_digest = /* part: reference_digest */
 WHERE answered.transaction_id <> transaction.transaction_id
 UNION
SELECT transaction.book_id, transaction.original_id
  FROM unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
  JOIN transaction
    ON transaction.book_id = asked.book_id AND transaction.transaction_id = asked.transaction_id
 WHERE transaction.original_id > transaction.transaction_id

-- name: of_accounts
-- Payments of a slice that are transfers themselves, from the accounts $4 in the books $3.
SELECT transaction.book_id, transaction_id
  FROM /* part: sliced */
 WHERE (transaction.book_id, own_debit_account) IN (SELECT * FROM unnest($3::bigint[], $4::bigint[]))

-- name: of_books
-- Transactions of a slice in the books $3.
SELECT transaction.book_id, transaction_id FROM /* part: sliced */ WHERE transaction.book_id = ANY($3::bigint[])

-- name: latest
-- The last moment at which any of these was received, by book: books $1 and their ids $2.
SELECT transaction.book_id, max(received_at) AS last_at
  FROM unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
  JOIN transaction
    ON transaction.book_id = asked.book_id AND transaction.transaction_id = asked.transaction_id
 GROUP BY transaction.book_id

-- part: as_it_is
-- An account, what is proven of it, and whose it is: `link` and `buyer_link` as above, null where it is no instrument's, or its
-- instrument has no token that payments may leave out; and the account that this instrument says is its own.
account.book_id, account.account_id, account.balance_micros,
       CASE WHEN token.instrument_id IS NOT NULL
            THEN hashtextextended(subject, CASE account.kind WHEN 'prepaid' THEN 1 WHEN 'receivable' THEN 2 END)
        END AS link,
       CASE WHEN token.instrument_id IS NOT NULL AND instrument.account_id = account.account_id
            THEN hashint8extended(instrument.sender_party_id, CASE instrument.kind WHEN 'prepaid' THEN 3 WHEN 'credit' THEN 4 END)
        END AS buyer_link,
       instrument.account_id AS said_account

-- part: token_of_payments
token.purpose IN ('prepaid_sender', 'credit_sender') AND token.old_token_id IS NULL

-- name: all_accounts
-- For the first proof, every account.
SELECT /* part: as_it_is */, 0::bigint AS proven_micros
  FROM account
  LEFT JOIN instrument ON instrument.book_id = account.book_id AND instrument.instrument_id = account.subject
  LEFT JOIN token ON token.book_id = account.book_id AND token.instrument_id = account.subject AND /* part: token_of_payments */

-- name: accounts
-- The accounts $2 in the books $1, each looked up (LIMIT): a join would read whole tables for them, again and again.
SELECT /* part: as_it_is */, coalesce(proven.balance_micros, 0) AS proven_micros
  FROM unnest($1::bigint[], $2::bigint[]) AS asked (book_id, account_id)
 CROSS JOIN LATERAL (SELECT * FROM account
                      WHERE account.book_id = asked.book_id AND account.account_id = asked.account_id
                      LIMIT 1) AS account
  LEFT JOIN LATERAL (SELECT balance_micros FROM proven_balance
                      WHERE proven_balance.book_id = asked.book_id AND proven_balance.account_id = asked.account_id
                      LIMIT 1) AS proven ON true
  LEFT JOIN LATERAL (SELECT account_id, kind, sender_party_id FROM instrument
                      WHERE instrument.book_id = account.book_id AND instrument.instrument_id = account.subject
                      LIMIT 1) AS instrument ON true
  LEFT JOIN LATERAL (SELECT instrument_id FROM token
                      WHERE token.book_id = account.book_id AND token.instrument_id = account.subject
                        AND /* part: token_of_payments */
                      LIMIT 1) AS token ON true

-- name: prove
-- More is proven of the accounts $2 in the books $1: by $3.
INSERT INTO proven_balance (book_id, account_id, balance_micros)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
    ON CONFLICT (book_id, account_id) DO UPDATE
   SET balance_micros = proven_balance.balance_micros + excluded.balance_micros

-- part: window
-- The tables of verify.sql, cut down to the transactions that are looked at: books $1 and their ids $2, none twice; with the
-- transfers of a slice ($3, $4) and of the transactions $5, and the later statuses of the same. One is found for each (LIMIT): PostgreSQL would expect next to none.
looked_at AS MATERIALIZED (
    SELECT found.*
      FROM unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
     CROSS JOIN LATERAL (SELECT * FROM transaction
                          WHERE transaction.book_id = asked.book_id AND transaction.transaction_id = asked.transaction_id
                          LIMIT 1) AS found
)

-- name: count
-- How many transactions are looked at. What stands before the mark is put before the checks of verify.sql, for which it hides
-- the whole tables.
WITH /* part: window */, transaction AS MATERIALIZED (SELECT * FROM looked_at), transfer AS MATERIALIZED (
    SELECT * FROM transfer WHERE transaction_id >= $3 AND transaction_id < $4 OR transaction_id = ANY($5::text[])
), transaction_step AS MATERIALIZED (
    SELECT step.*
      FROM book JOIN transaction_step AS step ON step.book_id = book.book_id AND transaction_id >= $3 AND transaction_id < $4
     UNION ALL
    SELECT step.*
      FROM looked_at
      JOIN transaction_step AS step
        ON step.book_id = looked_at.book_id AND step.transaction_id = looked_at.transaction_id
     WHERE NOT (looked_at.transaction_id >= $3 AND looked_at.transaction_id < $4)
)
-- mark
SELECT count(*) FROM looked_at

-- name: instruments
-- Accounts of the instruments $2 in the books $1. Known without any transfer.
SELECT instrument.book_id, instrument.account_id
  FROM unnest($1::bigint[], $2::text[]) AS asked (book_id, instrument_id)
  JOIN instrument ON instrument.book_id = asked.book_id AND instrument.instrument_id = asked.instrument_id

-- name: instruments_of
-- Instruments of transactions: books $1 and their ids $2.
SELECT DISTINCT transaction.book_id, transaction.instrument_id
  FROM unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
  JOIN transaction
    ON transaction.book_id = asked.book_id AND transaction.transaction_id = asked.transaction_id
 WHERE transaction.instrument_id IS NOT NULL

-- name: totals
-- The accounts that every book has once.
SELECT account.book_id, account.account_id
  FROM book JOIN account ON account.book_id = book.book_id AND account.account_id < 1::bigint << 62
