-- What the readers of the API ask for. Read by reads.py. Amounts are micro-units; nothing here locks or changes.

-- name: instrument_balances
-- Instruments ($2) of a book ($1), with who their two parties are. The row of one of them ($3) has, besides, the keys ($4)
-- that signed what asks for them as they are now.
SELECT instrument.instrument_id, instrument.kind, instrument.sender_party_id, book.party_id AS seller_party_id, book.environment,
       abs(account.balance_micros) AS balance_micros, instrument.pending_micros,
       CASE WHEN instrument.instrument_id = $3 THEN ARRAY(/* part: terms_of_keys */) END AS keys
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
  JOIN book ON book.book_id = instrument.book_id
 WHERE instrument.book_id = $1 AND instrument.instrument_id = ANY($2::text[])

-- name: instrument_totals
-- All instruments of a kind ($2) in the books of one owner ($1) together, expired ones too: what they hold is still owed.
SELECT coalesce(sum(abs(account.balance_micros)), 0)::bigint AS balance_micros,
       coalesce(sum(instrument.pending_micros), 0)::bigint AS pending_micros
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
 WHERE instrument.book_id = ANY($1::bigint[]) AND instrument.kind = $2

-- name: cash_balance
-- The cash of one owner's books ($1, the first of them first), how much of it is in the first, from which refunds in real
-- money are taken, and what rails are about to bring in: as the recipient the amount less fees, as the caller for
-- somebody else its share, of which its fee is paid first: what the share does not cover was set aside before.
WITH held AS MATERIALIZED (
    SELECT sum(balance_micros)::bigint AS balance_micros,
           (sum(balance_micros) FILTER (WHERE book_id = ($1::bigint[])[1]))::bigint AS refundable_micros
      FROM account
     WHERE book_id = ANY($1::bigint[]) AND account_id = 1
    HAVING count(*) > 0
), called AS MATERIALIZED (
    SELECT coalesce(sum(CASE WHEN transaction.recipient_party_id IS NULL
                             THEN transaction.amount_micros - transaction.fee_micros
                             WHEN transaction.fee_payer = 'Caller'
                             THEN greatest(0, transaction.marketplace_fee_micros - transaction.fee_micros)
                             ELSE transaction.marketplace_fee_micros END), 0) AS micros
      FROM rail_request
      JOIN transaction USING (book_id, transaction_id)
     WHERE rail_request.book_id = ANY($1::bigint[]) AND rail_request.operation IN ('charge', 'capture')
), received AS MATERIALIZED (
    SELECT coalesce(sum(transaction.amount_micros - transaction.marketplace_fee_micros
                        - CASE WHEN transaction.fee_payer = 'Recipient' THEN transaction.fee_micros ELSE 0 END), 0) AS micros
      FROM book AS own
      JOIN transaction ON transaction.recipient_party_id = own.party_id AND transaction.status = 'Pending'
                      AND transaction.operation <> 'Refund'
      JOIN book AS callers ON callers.book_id = transaction.book_id AND callers.environment = own.environment
      JOIN rail_request ON rail_request.book_id = transaction.book_id
                       AND rail_request.transaction_id = transaction.transaction_id
                       AND rail_request.operation IN ('charge', 'capture')
     WHERE own.book_id = ($1::bigint[])[1]
)
SELECT held.balance_micros, held.refundable_micros, (called.micros + received.micros)::bigint AS pending_in_micros
  FROM held CROSS JOIN called CROSS JOIN received

-- name: transaction
-- One transaction ($2) of a book ($1) with the people in it.
SELECT transaction.*, /* part: paid_from */ AS paid_from, /* part: paid_with */ AS paid_with, book.environment, book.party_id AS seller_party_id, seller.name AS seller_name,
       seller.email AS seller_email, sender.name AS sender_name, sender.email AS sender_email,
       recipient.name AS recipient_name, recipient.email AS recipient_email, instrument.kind AS instrument_kind
  FROM transaction
  JOIN book ON book.book_id = transaction.book_id
  JOIN party AS seller ON seller.party_id = book.party_id
  LEFT JOIN party AS sender ON sender.party_id = transaction.sender_party_id
  LEFT JOIN party AS recipient ON recipient.party_id = transaction.recipient_party_id
  LEFT JOIN instrument ON instrument.book_id = transaction.book_id
                      AND instrument.instrument_id = /* part: paid_from */
 WHERE transaction.book_id = $1 AND transaction.transaction_id = $2

-- name: transaction_statuses
-- How far transactions ($2) of a book ($1) are, with who took part in them. The row of one of them ($3) has, besides, the keys
-- ($4) that signed what asks for them as they are now.
SELECT transaction.transaction_id, transaction.operation, transaction.status,
       coalesce(transaction.status_code, 'Success') AS status_code,
       transaction.status_message, transaction.payment_method, transaction.caller_reference,
       transaction.sender_party_id, transaction.recipient_party_id, book.party_id AS seller_party_id, book.environment,
       CASE WHEN transaction.transaction_id = $3 THEN ARRAY(/* part: terms_of_keys */) END AS keys
  FROM unnest($2::text[]) AS asked (transaction_id)
 CROSS JOIN LATERAL (SELECT * FROM transaction
                      WHERE transaction.book_id = $1 AND transaction.transaction_id = asked.transaction_id
                      LIMIT 1) AS transaction
  JOIN book ON book.book_id = transaction.book_id

-- name: refunds
-- The refunds of a transaction ($2) of a book ($1), oldest first.
SELECT transaction_id
  FROM transaction
 WHERE book_id = $1 AND original_id = $2 AND operation = 'Refund'
 ORDER BY transaction_id

-- name: later_statuses
-- What a slow transaction ($2) of a book ($1) came to after its first status.
SELECT status, status_code, amount_micros, at
  FROM transaction_step
 WHERE book_id = $1 AND transaction_id = $2
 ORDER BY number

-- part: called_for
-- Transactions that the owner ($2) of a book ($1) called for. Ids carry the time, so a range of time is a range of ids, from $4
-- until before $5. The filters $6 to $9 may be null; $10 is the most rows wanted, $11 how many to skip. A refund without a
-- sender is the caller's to the recipient. The protocol knows neither disputes nor reversals of refunds.
    (SELECT transaction.*, /* part: paid_from_joined */ AS paid_from, /* part: paid_with_joined */ AS paid_with
       FROM transaction
       LEFT JOIN /* part: own_token */
      WHERE transaction.book_id = $1
        AND transaction.transaction_id >= $4 AND transaction.transaction_id < $5
        AND transaction.operation NOT IN ('Dispute', 'RefundReversal') AND ($6::text IS NULL OR transaction.operation = $6)
        AND ($7::text IS NULL OR transaction.payment_method = $7)
        AND ($8::text IS NULL OR transaction.status = $8)
        AND transaction.payment_method <> 'Payout' -- the protocol has no word for payouts
        AND ($9::text[] IS NULL OR 'Caller' = ANY($9)
             OR ('Recipient' = ANY($9) AND transaction.operation <> 'Refund' AND transaction.recipient_party_id IS NULL)
             OR ('Sender' = ANY($9) AND CASE WHEN transaction.operation <> 'Refund' THEN transaction.sender_party_id = $2
                                             ELSE transaction.recipient_party_id IS NULL
                                                  OR transaction.sender_party_id IS NULL END))
      ORDER BY transaction.transaction_id ASC
      LIMIT $10::bigint + $11::bigint)

-- part: with_people
-- Transactions with the people in them.
SELECT involved.*, book.environment, book.party_id AS seller_party_id, seller.name AS seller_name,
       seller.email AS seller_email, sender.name AS sender_name, sender.email AS sender_email,
       recipient.name AS recipient_name, recipient.email AS recipient_email, NULL AS instrument_kind
  FROM involved
  JOIN book ON book.book_id = involved.book_id
  JOIN party AS seller ON seller.party_id = book.party_id
  LEFT JOIN party AS sender ON sender.party_id = involved.sender_party_id
  LEFT JOIN party AS recipient ON recipient.party_id = involved.recipient_party_id

-- name: takes_part_elsewhere
-- Whether a party ($1) holds an instrument or a token of another seller's, or is paid through one; $2 are its own books.
(SELECT 1 FROM instrument WHERE sender_party_id = $1 AND book_id <> ALL($2::bigint[]) LIMIT 1)
 UNION ALL
(SELECT 1 FROM token WHERE sender_party_id = $1 AND book_id <> ALL($2::bigint[]) LIMIT 1)
 UNION ALL
(SELECT 1 FROM transaction WHERE recipient_party_id = $1 AND book_id <> ALL($2::bigint[]) LIMIT 1)
 LIMIT 1

-- name: own_activity
-- Of a party that takes part in nothing elsewhere: what it called for itself. $3 is the environment of its book.
WITH involved AS (
/* part: called_for */
)
/* part: with_people */
 WHERE book.environment = $3
 ORDER BY involved.transaction_id ASC
 LIMIT $10::bigint OFFSET $11::bigint

-- part: held_elsewhere
-- At other sellers, what moved on the instruments that the party holds.
    (SELECT transaction.*, /* part: paid_from_joined */ AS paid_from, /* part: paid_with_joined */ AS paid_with
       FROM instrument
       JOIN book ON book.book_id = instrument.book_id

-- part: as_holder
-- Of that, what is asked for.
      WHERE instrument.sender_party_id = $2 AND book.environment = $3 AND book.party_id <> $2
        AND left(transaction.transaction_id, 6) BETWEEN left($4, 6) AND left($5, 6)
        AND transaction.transaction_id >= $4 AND transaction.transaction_id < $5
        AND transaction.operation NOT IN ('Dispute', 'RefundReversal') AND ($6::text IS NULL OR transaction.operation = $6)
        AND ($7::text IS NULL OR transaction.payment_method = $7)
        AND ($8::text IS NULL OR transaction.status = $8)
        AND ($9::text[] IS NULL
             OR CASE WHEN transaction.operation = 'Refund' THEN 'Recipient' ELSE 'Sender' END = ANY($9))
      ORDER BY transaction.transaction_id ASC
      LIMIT $10::bigint + $11::bigint)

-- name: activity
-- Transactions that a party ($2) took part in, all in one environment ($3): as the owner of the book $1; at other sellers
-- as the sender, with an instrument or with a token; as the recipient of what others call for.
WITH involved AS (
/* part: called_for */
    UNION ALL
/* part: held_elsewhere */
       JOIN transaction ON transaction.book_id = instrument.book_id
                       AND hashtextextended(transaction.instrument_id, 0) = hashtextextended(instrument.instrument_id, 0)
                       AND transaction.instrument_id = instrument.instrument_id
       LEFT JOIN /* part: own_token */
/* part: as_holder */
    UNION ALL
/* part: held_elsewhere */
       JOIN transaction ON transaction.book_id = instrument.book_id
                       AND transaction.own_debit_account = instrument.account_id AND transaction.instrument_id IS NULL
       LEFT JOIN /* part: own_token */
/* part: as_holder */
    UNION ALL
    (SELECT transaction.*, transaction.instrument_id AS paid_from, transaction.sender_token_id AS paid_with
       FROM token
       JOIN book ON book.book_id = token.book_id
       JOIN transaction ON transaction.book_id = token.book_id AND transaction.sender_token_id = token.token_id
                       AND /* part: without_instrument */
      WHERE token.sender_party_id = $2 AND book.environment = $3 AND book.party_id <> $2
        AND transaction.transaction_id >= $4 AND transaction.transaction_id < $5
        AND transaction.operation NOT IN ('Dispute', 'RefundReversal') AND ($6::text IS NULL OR transaction.operation = $6)
        AND ($7::text IS NULL OR transaction.payment_method = $7)
        AND ($8::text IS NULL OR transaction.status = $8)
        AND ($9::text[] IS NULL
             OR CASE WHEN transaction.operation = 'Refund' THEN 'Recipient' ELSE 'Sender' END = ANY($9))
      ORDER BY transaction.transaction_id ASC
      LIMIT $10::bigint + $11::bigint)
    UNION ALL
    (SELECT transaction.*, transaction.instrument_id AS paid_from, transaction.sender_token_id AS paid_with
       FROM transaction
       JOIN book ON book.book_id = transaction.book_id
      WHERE transaction.recipient_party_id = $2 AND book.environment = $3 AND book.party_id <> $2
        AND transaction.transaction_id >= $4 AND transaction.transaction_id < $5
        AND transaction.operation NOT IN ('Dispute', 'RefundReversal') AND ($6::text IS NULL OR transaction.operation = $6)
        AND ($7::text IS NULL OR transaction.payment_method = $7)
        AND ($8::text IS NULL OR transaction.status = $8)
        AND ($9::text[] IS NULL
             OR CASE WHEN transaction.operation = 'Refund' AND transaction.sender_party_id IS NOT NULL THEN 'Sender'
                     ELSE 'Recipient' END = ANY($9))
      ORDER BY transaction.transaction_id ASC
      LIMIT $10::bigint + $11::bigint)
)
/* part: with_people */
 ORDER BY involved.transaction_id ASC
 LIMIT $10::bigint OFFSET $11::bigint

-- name: cash_moved_after
-- By how much the cash of one owner's books ($1) has changed after a moment ($2).
SELECT coalesce(sum(CASE WHEN debit_account = 1 THEN amount_micros ELSE -amount_micros END), 0)::bigint
  FROM transfer
 WHERE book_id = ANY($1::bigint[]) AND booked_at > $2 AND (debit_account = 1 OR credit_account = 1)

-- name: cash_movements
-- Each change of the cash of one owner's books ($1) from one moment ($2) until another ($3), both included.
SELECT booked_at, transaction_id, CASE WHEN debit_account = 1 THEN amount_micros ELSE -amount_micros END AS micros
  FROM transfer
 WHERE book_id = ANY($1::bigint[]) AND booked_at >= $2 AND booked_at <= $3 AND (debit_account = 1 OR credit_account = 1)

-- name: subscription_payments
-- The payments of a book ($1) with a token ($2), or with one that it replaced, oldest first.
WITH RECURSIVE line AS (
    SELECT token_id, old_token_id FROM token WHERE book_id = $1 AND token_id = $2
    UNION
    SELECT token.token_id, token.old_token_id FROM token JOIN line ON token.token_id = line.old_token_id
     WHERE token.book_id = $1
)
SELECT transaction_id, amount_micros, status, caller_description, sender_description
  FROM transaction
 WHERE book_id = $1 AND sender_token_id IN (SELECT token_id FROM line) AND /* part: without_instrument */
   AND operation IN ('Pay', 'Reserve')
 ORDER BY transaction_id

-- name: total_of_tab
SELECT instrument.total_limit_micros, instrument.charged_micros, instrument.valid_from
  FROM token
  JOIN instrument ON instrument.book_id = token.book_id AND instrument.instrument_id = token.instrument_id
 WHERE token.book_id = $1 AND token.token_id = $2 AND token.purpose = 'credit_sender'
   AND instrument.total_limit_micros IS NOT NULL

-- name: payment_method
-- What the token $2 of the book $1 charges.
SELECT payment_method FROM token WHERE book_id = $1 AND token_id = $2
