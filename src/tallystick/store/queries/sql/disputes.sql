-- Disputes, for pages, letters and the worker. Read by disputes.py; nothing here changes money. People are joined by reference
-- tables, which every machine has.

-- part: lines
-- Disputes with the charge's buyer and the seller who bears it.
SELECT dispute.book_id, dispute.transaction_id, dispute.rail, dispute.reference, dispute.original_id,
       dispute.bearer_party_id, dispute.instrument_id, dispute.status, dispute.asked_micros, dispute.claimed_micros,
       dispute.borne_micros, dispute.fee_micros, dispute.due_micros, dispute.told, dispute.reason, dispute.evidence_due_at,
       dispute.opened_at, dispute.closed_at, book.environment, transaction.operation AS charged_by,
       transaction.payment_method, transaction.caller_reference, transaction.sender_description,
       coalesce(transaction.sender_token_id, '') AS sender_token_id, transaction.received_at AS charged_at,
       buyer.name AS buyer_name, buyer.email AS buyer_email, bearer.name AS bearer_name, bearer.email AS bearer_email
  FROM dispute
  JOIN book ON book.book_id = dispute.book_id
  JOIN party AS bearer ON bearer.party_id = dispute.bearer_party_id
  LEFT JOIN transaction
         ON transaction.book_id = dispute.book_id AND transaction.transaction_id = dispute.original_id
  LEFT JOIN party AS buyer ON buyer.party_id = transaction.sender_party_id

-- name: of_books
-- Those of the books $1 and those that the seller $2 bears in the environment $3; open ones first, by their deadline, then
-- the latest. Before the id $4, if that is given; at most $5.
/* part: lines */
 WHERE (dispute.book_id = ANY($1::bigint[]) OR dispute.bearer_party_id = $2) AND book.environment = $3
   AND ($4::text IS NULL OR (dispute.closed_at IS NOT NULL AND dispute.transaction_id < $4))
 ORDER BY dispute.closed_at IS NOT NULL, CASE WHEN dispute.closed_at IS NULL THEN dispute.evidence_due_at END,
          dispute.transaction_id DESC
 LIMIT $5

-- name: newest
-- Those of the books $1 and those that the seller $2 bears in the environment $3, the newest first, with ids before $4; of the
-- status $6, if it is given; at most $5.
/* part: lines */
 WHERE (dispute.book_id = ANY($1::bigint[]) OR dispute.bearer_party_id = $2) AND book.environment = $3
   AND ($4::text IS NULL OR dispute.transaction_id < $4) AND ($6::text IS NULL OR dispute.status = $6)
 ORDER BY dispute.transaction_id DESC
 LIMIT $5

-- name: latest
-- Those of all sellers in one order as above, at most $1.
/* part: lines */
 ORDER BY dispute.closed_at IS NOT NULL, CASE WHEN dispute.closed_at IS NULL THEN dispute.evidence_due_at END,
          dispute.transaction_id DESC
 LIMIT $1

-- name: find
-- One dispute ($2) of a book ($1).
/* part: lines */
 WHERE dispute.book_id = $1 AND dispute.transaction_id = $2

-- name: of_charge
-- Those of one charge ($2) of a book ($1).
/* part: lines */
 WHERE dispute.book_id = $1 AND dispute.original_id = $2
 ORDER BY dispute.transaction_id

-- name: with_dues
-- Disputes that sellers have not paid for yet, at most $1 of them, others each time.
SELECT dispute.book_id, dispute.transaction_id, dispute.original_id
  FROM dispute
 WHERE due_micros > 0
 ORDER BY random()
 LIMIT $1

-- name: untold
-- At most $1 of which the seller has to be written.
SELECT book_id, transaction_id
/* part: untold_disputes */
 ORDER BY book_id, transaction_id
 LIMIT $1

-- name: mark_told
-- The letter about all that was told until now ($3) is written; no row: another worker was first.
UPDATE dispute SET letters = $3
 WHERE book_id = $1 AND transaction_id = $2 AND letters < $3
RETURNING true

-- name: charges_since
-- What was charged by the same instrument ($2) or, where there is none, by the same token ($3) in a book ($1), the newest
-- first, at most $4: real money in, payments and refunds.
SELECT transaction_id, operation, status, amount_micros, received_at, sender_description, caller_reference
  FROM transaction
 WHERE book_id = $1
   AND CASE WHEN $2::text IS NULL THEN /* part: without_instrument */ AND sender_token_id = $3 ELSE
            hashtextextended(instrument_id, 0) = hashtextextended($2, 0) AND instrument_id = $2 END
 UNION ALL
SELECT transaction_id, operation, status, amount_micros, received_at, sender_description, caller_reference
  FROM transaction
 WHERE book_id = $1 AND /* part: names_account_only */
   AND own_debit_account = (SELECT account_id FROM instrument
                             WHERE instrument.book_id = $1 AND instrument.instrument_id = $2)
 ORDER BY transaction_id DESC
 LIMIT $4

-- name: choose_settlements
-- What becomes of settlements that are lost in disputes, in all books ($1) of a seller.
UPDATE book SET disputed_settlements = $2 WHERE book_id = ANY($1::bigint[])

-- name: chosen_settlements
SELECT disputed_settlements FROM book WHERE book_id = $1
