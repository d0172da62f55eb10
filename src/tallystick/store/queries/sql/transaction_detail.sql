-- What a transaction left behind: for the page about it. Read by transaction_detail.py. $1 is the book, $2 the transaction.

-- name: transfers
-- What it moved in the book, with what the accounts are.
SELECT transfer.amount_micros, transfer.booked_at, debit.kind AS debit_kind, debit.subject AS debit_subject,
       credit.kind AS credit_kind, credit.subject AS credit_subject
  FROM /* part: booked_in_book */ AS transfer
  JOIN account AS debit ON debit.book_id = transfer.book_id AND debit.account_id = transfer.debit_account
  JOIN account AS credit ON credit.book_id = transfer.book_id AND credit.account_id = transfer.credit_account
 WHERE transfer.book_id = $1 AND transfer.transaction_id = $2
 ORDER BY transfer.number

-- name: notices
-- Its notifications in their order. An event's id is its subject's id, a hyphen and a number.
SELECT event_id, status, state, destination, occurred_at, due_at, attempts, delivered_at, last_error
  FROM outbox
 WHERE book_id = $1 AND event_id > $2::text || '-' AND event_id < $2::text || '.'
 ORDER BY length(event_id), event_id

-- name: remains
-- What is kept of the request, and what was given back since. The answer to its reference is kept for a while only.
SELECT transaction.notification_url, transaction.times_out_at, transaction.reserved_until,
       coalesce(transaction.refunded_micros, 0) AS refunded_micros,
       coalesce(transaction.marketplace_refunded_micros, 0) AS marketplace_refunded_micros,
       coalesce(transaction.disputed_micros, 0) AS disputed_micros,
       answered.fingerprint,
       coalesce(answered.status, CASE WHEN answered.fingerprint IS NOT NULL THEN 'Success' END) AS first_answer, answered.answered_at
  FROM transaction
  LEFT JOIN answered_reference AS answered
         ON answered.book_id = transaction.book_id AND answered.reference_digest = /* part: reference_digest */
        AND answered.transaction_id = transaction.transaction_id
 WHERE transaction.book_id = $1 AND transaction.transaction_id = $2
