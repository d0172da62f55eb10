-- Settled history leaves the books in batches. Read by archive.py. $1 is the book, where nothing else is said.

-- name: books
-- Every book with its clock, the part of the operator's book that mirrors it and the one that has people's balances, and
-- whether a console shows its figures.
SELECT book.book_id, book.clock_offset_seconds, operator.book_id AS operator_book_id, balances.book_id AS balances_book_id,
       book.party_id IS NOT NULL AS has_console
  FROM book
  JOIN book AS operator
    ON operator.party_id IS NULL AND operator.environment = book.environment AND operator.currency = book.currency
   AND operator.part = book.operator_part
  JOIN book AS balances
    ON balances.party_id IS NULL AND balances.environment = book.environment AND balances.currency = book.currency
   AND balances.part = 0
 ORDER BY book.book_id

-- name: last_batch
-- The end of a book's chain so far.
SELECT number, digest FROM archive_batch WHERE book_id = $1 ORDER BY number DESC LIMIT 1

-- name: cut
-- Up to where history can be moved out, $2 at the latest: nothing from the moment on at which somebody still needs what
-- is there, to tell a receiver, to finish what a rail was asked, or for a dispute that is not over or not paid for.
SELECT least($2::timestamptz,
             (SELECT min(occurred_at) FROM outbox WHERE book_id = $1 AND state = 'waiting'),
             (SELECT min(transaction.completed_at)
                FROM rail_request
                JOIN transaction ON transaction.book_id = rail_request.book_id
                                AND transaction.transaction_id IN (rail_request.transaction_id, rail_request.earlier_id)
               WHERE rail_request.book_id = $1),
             (SELECT min(transaction.completed_at)
                FROM dispute
                JOIN transaction ON transaction.book_id = dispute.book_id
                                AND transaction.transaction_id IN (dispute.transaction_id, dispute.original_id)
               WHERE dispute.book_id = $1 AND (closed_at IS NULL OR due_micros > 0)))

-- name: partners
-- Books whose sellers were paid through one another: each caller's with each recipient's.
SELECT DISTINCT own.book_id AS caller_id, book.book_id AS recipient_id
  FROM transaction
  JOIN book AS own ON own.book_id = transaction.book_id
  JOIN book ON book.party_id = transaction.recipient_party_id AND book.environment = own.environment
           AND book.currency = own.currency AND book.part = 0
 WHERE transaction.recipient_party_id IS NOT NULL

-- name: siblings
-- Books of the same seller: the first one with each of its other parts.
SELECT first.book_id AS first_id, book.book_id AS other_id
  FROM book AS first
  JOIN book ON book.party_id = first.party_id AND book.environment = first.environment AND book.currency = first.currency
 WHERE first.part = 0 AND book.part > 0

-- name: lock
-- The oldest finished transactions, with ids before $2, completed before $3; at most $4, locked in id order.
SELECT transaction_id
  FROM transaction
 WHERE book_id = $1 AND transaction_id < $2 AND completed_at < $3
 ORDER BY transaction_id
 LIMIT $4
   FOR UPDATE

-- name: still_needed
-- Whether somebody has come to need one of them ($2) before they were locked.
SELECT EXISTS (SELECT FROM rail_request
                WHERE book_id = $1 AND (transaction_id = ANY($2::text[]) OR earlier_id = ANY($2::text[])))
    OR EXISTS (SELECT FROM outbox
                WHERE book_id = $1 AND subject_id = ANY($2::text[]) AND state = 'waiting')
    OR EXISTS (SELECT FROM dispute
                WHERE book_id = $1 AND (transaction_id = ANY($2::text[]) OR original_id = ANY($2::text[]))
                  AND (closed_at IS NULL OR due_micros > 0))

-- name: own_transfers
-- Transfers that are transactions ($2) themselves: rows of `transfer`, as in the files.
SELECT book_id, transaction_id, 1::smallint AS number, own_debit_account AS debit_account, 2::bigint AS credit_account,
       amount_micros, received_at AS booked_at
  FROM transaction
 WHERE book_id = $1 AND transaction_id = ANY($2::text[]) AND own_debit_account IS NOT NULL

-- name: own_payments
-- Of those which do not say what is usual: from which instrument and by which token each was paid.
SELECT transaction_id, /* part: paid_from */ AS paid_from, /* part: paid_with */ AS paid_with
  FROM transaction
 WHERE book_id = $1 AND transaction_id = ANY($2::text[]) AND own_debit_account IS NOT NULL

-- name: take_transactions
DELETE FROM transaction WHERE book_id = $1 AND transaction_id = ANY($2::text[]) RETURNING *

-- name: take_steps
DELETE FROM transaction_step WHERE book_id = $1 AND transaction_id = ANY($2::text[]) RETURNING *

-- name: take_events
-- An event's id begins with its transaction's.
DELETE FROM outbox
 WHERE book_id = $1 AND subject_id = ANY($2::text[]) AND event_id >= $3 AND event_id < $4::text || '~'
RETURNING *

-- name: take_transfers
-- $1 is each book that took part: the seller's, the operator's, recipients'.
DELETE FROM transfer WHERE book_id = $1 AND transaction_id = ANY($2::text[]) RETURNING *

-- name: take_simulated_charges
-- What the simulated rail remembers of transactions $1, under all keys that an order of theirs may have had.
DELETE FROM simulated_charge
 WHERE idempotency_key = ANY(ARRAY(
       SELECT id || suffix
         FROM unnest($1::text[]) AS id
        CROSS JOIN unnest(ARRAY['', '.authorize', '.capture', '.void', '.refund', '.return']) AS suffix))
RETURNING *

-- name: books_of_recipients
-- The books in which the parties $2 receive, in the environment of the book $1.
SELECT book.book_id
  FROM book AS own
  JOIN book ON book.environment = own.environment AND book.currency = own.currency AND book.part = 0
 WHERE own.book_id = $1 AND book.party_id = ANY($2::bigint[])

-- name: carry_balances
INSERT INTO archived_balance (book_id, account_id, balance_micros)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
    ON CONFLICT (book_id, account_id) DO UPDATE
   SET balance_micros = archived_balance.balance_micros + excluded.balance_micros

-- name: carry_totals
INSERT INTO archived_total (book_id, subject_id, paid_micros, refunded_micros, other_micros)
SELECT $1, new.* FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS new
    ON CONFLICT (book_id, subject_id) DO UPDATE
   SET paid_micros = archived_total.paid_micros + excluded.paid_micros,
       refunded_micros = archived_total.refunded_micros + excluded.refunded_micros,
       other_micros = archived_total.other_micros + excluded.other_micros

-- name: keep_batch
INSERT INTO archive_batch (book_id, number, completed_before, first_id, last_id, transactions, digest, archived_at, is_summed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true)

-- name: mark_books
-- The books ($1) from which something was taken that was completed before $2.
UPDATE book SET archived_before = $2
 WHERE book_id = ANY($1::bigint[]) AND (archived_before IS NULL OR archived_before < $2)

-- name: oldest
-- The first moment before $3 at which something was completed that is still here, with an id before $2.
SELECT min(completed_at) FROM transaction WHERE book_id = $1 AND transaction_id < $2 AND completed_at < $3

-- name: batches
-- All batches, in the order in which each book's chain goes.
SELECT book_id, number, transactions, digest, is_summed FROM archive_batch ORDER BY book_id, number

-- name: carried_balances
SELECT book_id, account_id, balance_micros FROM archived_balance

-- name: carried_totals
SELECT book_id, subject_id, paid_micros, refunded_micros, other_micros FROM archived_total

-- name: live_refunds
-- What refunds that are still here gave back of transactions that are not.
SELECT refund.book_id, refund.original_id,
       sum(refund.amount_micros - CASE refund.operation WHEN 'Refund' THEN refund.refunded_micros ELSE 0 END)::bigint AS micros
  FROM transaction AS refund
  LEFT JOIN transaction AS original
         ON original.book_id = refund.book_id AND original.transaction_id = refund.original_id
 WHERE refund.original_id IS NOT NULL AND refund.status IN ('Success', 'Pending')
   AND (refund.sender_party_id IS NOT NULL OR refund.operation = 'PayoutReturn')
   AND original.transaction_id IS NULL
 GROUP BY refund.book_id, refund.original_id

-- name: archived_before
SELECT archived_before FROM book WHERE book_id = $1

-- name: forget_answers
-- Refusals whose references are free again, answered at $2 at the latest.
DELETE FROM answered_reference
 WHERE book_id = $1 AND answered_at <= $2 AND refusal IS NOT NULL AND reuses IS NULL

-- name: keep_references
-- The references ($2) of transactions ($3) that leave, received at $4, stay spent. What they were answered goes: nobody is
-- told any more. One that was used again already, or was never written down, has its row as well.
INSERT INTO answered_reference (book_id, reference_digest, transaction_id, answered_at)
SELECT $1, /* part: reference_digest */, min(transaction_id), min(received_at)
  FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS gone (caller_reference, transaction_id, received_at)
 GROUP BY 2
    ON CONFLICT (book_id, reference_digest) DO UPDATE SET fingerprint = NULL, status = NULL
 WHERE answered_reference.transaction_id = excluded.transaction_id

-- name: lost_references
-- Which of the references $2 of archived transactions are not known to be spent.
SELECT asked.caller_reference
  FROM (SELECT caller_reference, /* part: reference_digest */ AS reference_digest
          FROM unnest($2::text[]) AS caller_reference) AS asked
  LEFT JOIN answered_reference AS answered
         ON answered.book_id = $1 AND answered.reference_digest = asked.reference_digest
        AND (answered.transaction_id IS NOT NULL OR answered.reuses IS NOT NULL)
 WHERE answered.book_id IS NULL

-- name: lock_runs
-- One run at a time ($1 names the lock). No waiting: false when somebody else has it.
SELECT pg_try_advisory_lock($1)

-- name: unlock_runs
-- The session stays in the pool: its lock has to be given back.
SELECT pg_advisory_unlock($1)

-- name: lock_batch
-- Until the commit: false while a run that lost its session still writes a batch.
SELECT pg_try_advisory_xact_lock($1)
