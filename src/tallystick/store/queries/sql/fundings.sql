-- The fundings of a prepaid balance. Read by fundings.py. Amounts are micro-units; nothing here locks or changes anything.

-- name: fundings
-- The fundings of the instrument $2 of the book $1 that succeeded and are still here, the newest first: what each brought in
-- and gave back, and what is disputed of it.
SELECT transaction_id, amount_micros, refunded_micros, coalesce(disputed_micros, 0) AS disputed_micros, payment_method,
       completed_at
  FROM transaction
 WHERE book_id = $1 AND instrument_id = $2 AND operation = 'FundPrepaid' AND status = 'Success'
 ORDER BY transaction_id DESC

-- name: given_back
-- What was given back of them, under which reference.
SELECT transaction_id, original_id, caller_reference, amount_micros, status
  FROM transaction
 WHERE book_id = $1 AND instrument_id = $2 AND operation = 'Refund' AND payment_method NOT IN ('Prepaid', 'Debt')
