-- What came of one authorization, in the order in which it came about. Read by authorization_history.py, which says
-- what the order is. Nothing here locks or changes anything. Amounts are micro-units. What an instrument paid is found
-- by a digest of its id and the first characters of the transactions' ids: transaction_of_instrument, an index that is
-- small. Payments that name an account instead are found by transaction_of_account in the same way.

-- part: refunds_a_funding
-- It gives back what was not spent: refunds of payments from an instrument name that as their method.
(operation = 'Refund' AND payment_method NOT IN ('Prepaid', 'Debt'))

-- part: amount
-- What an entry is about. A dispute changes what is left or owed by what the instrument bears of it, and what was paid with
-- other tokens by what it claims.
CASE operation WHEN 'Dispute'
            THEN (SELECT CASE WHEN dispute.instrument_id IS NULL THEN claimed_micros ELSE borne_micros END
                    FROM dispute
                   WHERE dispute.book_id = $1 AND dispute.transaction_id = transaction.transaction_id)
            ELSE amount_micros END AS amount_micros

-- part: of_instrument
-- What an entry of an instrument shows.
transaction_id, CASE WHEN /* part: refunds_a_funding */ THEN 'RefundFunding' ELSE operation END AS operation, status,
       coalesce(status_number, 1) AS status_number, sender_description, received_at, completed_at,
       /* part: amount */

-- part: at_once
-- Decided at once, or not yet; and what gives back, which leaves the balance as soon as it is asked for.
((status_number > 1) IS NOT TRUE OR operation = 'Refund')

-- part: names_instrument
-- The transactions of the instrument $2 of the book $1 that name it.
book_id = $1 AND hashtextextended(instrument_id, 0) = hashtextextended($2, 0) AND instrument_id = $2

-- part: names_its_account
-- The payments of that instrument which name its account alone, found by transaction_of_account.
book_id = $1 AND /* part: names_account_only */
    AND own_debit_account = (SELECT account_id FROM instrument
                              WHERE instrument.book_id = $1 AND instrument.instrument_id = $2)

-- name: newest_of_instrument
-- The latest entries of the instrument $2 of the book $1: those decided at once, or not yet, with ids before $3; and slow
-- ones that came about before the millisecond and id $4, $5, disputes that are over by themselves, which the index of the
-- others has not. At most $6 of each.
(SELECT /* part: of_instrument */
   FROM transaction
  WHERE /* part: names_instrument */
    AND left(transaction_id, 6) <= left($3, 6) AND transaction_id < $3 AND /* part: at_once */
  ORDER BY left(transaction_id, 6) DESC, transaction_id DESC
  LIMIT $6)
UNION ALL
(SELECT /* part: of_instrument */
   FROM transaction
  WHERE /* part: names_its_account */
    AND left(transaction_id, 6) <= left($3, 6) AND transaction_id < $3 AND /* part: at_once */
  ORDER BY left(transaction_id, 6) DESC, transaction_id DESC
  LIMIT $6)
UNION ALL
(SELECT /* part: of_instrument */
   FROM transaction
  WHERE book_id = $1 AND instrument_id = $2 AND operation IN ('FundPrepaid', 'SettleDebt', 'WriteOffDebt')
    AND status_number > 1 AND completed_at < $4::timestamptz + interval '1 millisecond'
    AND (date_trunc('milliseconds', completed_at), transaction_id) < ($4, $5::text COLLATE "C")
  ORDER BY date_trunc('milliseconds', completed_at) DESC, transaction_id DESC
  LIMIT $6)
UNION ALL
(SELECT /* part: of_instrument */
   FROM transaction
  WHERE book_id = $1
    AND transaction_id IN (SELECT transaction_id FROM dispute WHERE book_id = $1 AND instrument_id = $2)
    AND status_number > 1 AND completed_at < $4::timestamptz + interval '1 millisecond'
    AND (date_trunc('milliseconds', completed_at), transaction_id) < ($4, $5::text COLLATE "C")
  ORDER BY date_trunc('milliseconds', completed_at) DESC, transaction_id DESC
  LIMIT $6)

-- name: at_once_of_instrument
-- Entries of the instrument $2 of the book $1 that were decided at once, or not yet, with ids from $3 until before $4,
-- oldest first.
SELECT /* part: of_instrument */
  FROM transaction
 WHERE /* part: names_instrument */
   AND left(transaction_id, 6) BETWEEN left($3, 6) AND left($4, 6) AND transaction_id >= $3 AND transaction_id < $4
   AND /* part: at_once */
 UNION ALL
SELECT /* part: of_instrument */
  FROM transaction
 WHERE /* part: names_its_account */
   AND left(transaction_id, 6) BETWEEN left($3, 6) AND left($4, 6) AND transaction_id >= $3 AND transaction_id < $4
   AND /* part: at_once */
 ORDER BY transaction_id

-- name: slow_of_instrument
-- Entries of the instrument $2 of the book $1 that took their time and came about from $3 until before $4, oldest first.
SELECT /* part: of_instrument */
  FROM transaction
 WHERE book_id = $1 AND instrument_id = $2 AND operation IN ('FundPrepaid', 'SettleDebt', 'WriteOffDebt')
   AND status_number > 1 AND completed_at >= $3 AND completed_at < $4
 UNION ALL
SELECT /* part: of_instrument */
  FROM transaction
 WHERE book_id = $1
   AND transaction_id IN (SELECT transaction_id FROM dispute WHERE book_id = $1 AND instrument_id = $2)
   AND status_number > 1 AND completed_at >= $3 AND completed_at < $4

-- name: moved_by_instrument
-- What entries of the instrument $2 of the book $1 added to what was charged, less what was brought in, settled, forgiven
-- or refunded: those decided at once with ids from $3 on, slow ones from the moment $4 on.
SELECT coalesce(sum(CASE WHEN operation IN ('Pay', 'Dispute') THEN amount_micros ELSE -amount_micros END), 0)::bigint
  FROM (SELECT CASE WHEN /* part: refunds_a_funding */ THEN 'Pay' ELSE operation END AS operation, amount_micros
          FROM transaction
         WHERE /* part: names_instrument */
           AND left(transaction_id, 6) >= left($3, 6) AND transaction_id >= $3
           AND ((status_number > 1) IS NOT TRUE AND status = 'Success' OR /* part: refunds_a_funding */ AND status <> 'Failure')
         UNION ALL
        SELECT operation, amount_micros
          FROM transaction
         WHERE /* part: names_its_account */ AND left(transaction_id, 6) >= left($3, 6) AND transaction_id >= $3
         UNION ALL
        SELECT operation, amount_micros
          FROM transaction
         WHERE book_id = $1 AND instrument_id = $2 AND operation IN ('FundPrepaid', 'SettleDebt', 'WriteOffDebt')
           AND status_number > 1 AND status = 'Success' AND completed_at >= $4
         UNION ALL
        SELECT operation, borne_micros
          FROM transaction
          JOIN dispute ON dispute.book_id = transaction.book_id AND dispute.transaction_id = transaction.transaction_id
         WHERE dispute.book_id = $1 AND dispute.instrument_id = $2 AND dispute.status = 'lost'
           AND completed_at >= $4) AS movement

-- name: balance_of_instrument
-- What is left in the instrument $2 of the book $1, or owed. What open disputes froze is still there until they end.
SELECT abs(account.balance_micros)
       + (SELECT coalesce(sum(borne_micros), 0)::bigint FROM dispute
           WHERE book_id = $1 AND instrument_id = $2 AND closed_at IS NULL)
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
 WHERE instrument.book_id = $1 AND instrument.instrument_id = $2

-- name: owed_from_before
-- What is owed on the credit instrument $2 of the book $1, less what was charged by ids from $3 on; below 0 where more was.
SELECT abs(account.balance_micros)
       - (SELECT coalesce(sum(amount_micros), 0)::bigint
            FROM transaction
           WHERE /* part: names_instrument */ AND left(transaction_id, 6) >= left($3, 6) AND transaction_id >= $3
             AND operation = 'Pay' AND status = 'Success')
       - (SELECT coalesce(sum(amount_micros), 0)::bigint
            FROM transaction
           WHERE /* part: names_its_account */ AND left(transaction_id, 6) >= left($3, 6) AND transaction_id >= $3)
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
 WHERE instrument.book_id = $1 AND instrument.instrument_id = $2

-- name: token_line
-- The token $2 of the book $1 with those that it replaced.
WITH RECURSIVE line AS (
    SELECT token_id, old_token_id FROM token WHERE book_id = $1 AND token_id = $2
    UNION
    SELECT older.token_id, older.old_token_id
      FROM token AS older JOIN line ON older.token_id = line.old_token_id
     WHERE older.book_id = $1
)
SELECT token_id FROM line

-- name: newest_of_tokens
-- The latest entries of tokens $2 of the book $1 without an instrument, as the sender's or, where $3 is given, as those
-- of that recipient; before the moment and id $4, $5. At most $6.
SELECT transaction_id, operation, status, status_number, sender_description, received_at, completed_at,
       /* part: amount */
  FROM transaction
 WHERE book_id = $1 AND (coalesce(completed_at, received_at), transaction_id) < ($4, $5::text COLLATE "C")
   AND (($3::bigint IS NULL AND /* part: without_instrument */ AND sender_token_id = ANY($2::text[]))
        OR (recipient_party_id = $3 AND recipient_token_id = ANY($2::text[]) AND sender_party_id IS NOT NULL))
 ORDER BY coalesce(completed_at, received_at) DESC, transaction_id DESC
 LIMIT $6

-- name: range_of_tokens
-- The same from the moment $4 until before $5, oldest first.
SELECT transaction_id, operation, status, status_number, sender_description, received_at, completed_at,
       /* part: amount */
  FROM transaction
 WHERE book_id = $1 AND coalesce(completed_at, received_at) >= $4 AND coalesce(completed_at, received_at) < $5
   AND (($3::bigint IS NULL AND /* part: without_instrument */ AND sender_token_id = ANY($2::text[]))
        OR (recipient_party_id = $3 AND recipient_token_id = ANY($2::text[]) AND sender_party_id IS NOT NULL))
 ORDER BY coalesce(completed_at, received_at), transaction_id

-- name: moved_by_tokens
-- What they paid before the moment $4, less refunds and lost disputes; with what is in the archive, which is older than all
-- that is here.
SELECT (coalesce(sum(CASE operation WHEN 'Refund' THEN -amount_micros
                          WHEN 'Dispute' THEN -(SELECT claimed_micros FROM dispute
                                                 WHERE dispute.book_id = $1
                                                   AND dispute.transaction_id = transaction.transaction_id)
                          ELSE amount_micros END), 0)
        + (SELECT coalesce(sum(paid_micros - refunded_micros), 0)
             FROM archived_total WHERE book_id = $1 AND subject_id = ANY($2::text[])))::bigint
  FROM transaction
 WHERE book_id = $1 AND status = 'Success' AND completed_at < $4
   AND (($3::bigint IS NULL AND /* part: without_instrument */ AND sender_token_id = ANY($2::text[]))
        OR (recipient_party_id = $3 AND recipient_token_id = ANY($2::text[]) AND sender_party_id IS NOT NULL))
