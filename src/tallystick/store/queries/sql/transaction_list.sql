-- A seller's activity, newest first. Read by transaction_list.py, which merges what is found in the seller's several books;
-- nothing here locks or changes anything. Everywhere: $1 the book (`received`: all of the seller's); ids from $2 until before
-- $3 (they carry the time); at most $4 rows; $5 the instrument, token, buyer or original that `of_instrument`, `of_token`,
-- `of_buyer` and `of_original` are about, else null; $6 the seller, $7 the environment. The filters $8 to $13 take no part where they are null.

-- part: filters
-- Each takes part where it is not null.
($8::text IS NULL OR operation = $8)
        AND ($9::text IS NULL OR status = $9)
        AND ($10::text IS NULL OR payment_method = $10)
        AND ($11::bigint IS NULL OR amount_micros >= $11)
        AND ($12::bigint IS NULL OR amount_micros <= $12)

-- part: buyer_matches
-- The text in what the lists show of the buyer.
EXISTS (SELECT FROM party WHERE party.party_id = sender_party_id
                            AND (party.name ILIKE $13 OR party.email ILIKE $13))

-- part: own_filters
-- Those, and a text that may also be what only the seller who called knows, or in the buyer's name or address.
/* part: filters */
        AND ($13::text IS NULL OR sender_description ILIKE $13 OR transaction_id ILIKE $13 OR caller_reference ILIKE $13
             OR caller_description ILIKE $13 OR /* part: paid_from */ ILIKE $13 OR /* part: paid_with */ ILIKE $13
             OR /* part: buyer_matches */)
        AND $6::bigint IS NOT NULL AND $7::text IS NOT NULL

-- part: own_line
-- A transaction of the book $1 with what it may leave out.
*, /* part: paid_from */ AS paid_from, /* part: paid_with */ AS paid_with

-- part: whole_line
-- One that says all.
*, instrument_id AS paid_from, sender_token_id AS paid_with

-- part: within
-- The range, as the indexes by instruments and accounts have it, and the filters.
left(transaction_id, 6) BETWEEN left($2, 6) AND left($3, 6) AND transaction_id >= $2 AND transaction_id < $3
        AND /* part: own_filters */

-- part: lines_of
-- Transactions with the people in them. A part of its own ends what stands between.
SELECT line.book_id, line.transaction_id, line.operation, line.status, line.status_code, line.amount_micros,
       line.fee_micros, line.fee_payer, line.marketplace_fee_micros, line.payment_method, line.caller_reference,
       line.caller_description, line.sender_description, line.paid_from AS instrument_id, line.paid_with, line.original_id,
       line.completed_at, line.recipient_party_id, sender.name AS sender_name, sender.email AS sender_email,
       recipient.name AS recipient_name
  FROM (

-- part: lines_end
-- The newest first.
) AS line
  LEFT JOIN party AS sender ON sender.party_id = line.sender_party_id
  LEFT JOIN party AS recipient ON recipient.party_id = line.recipient_party_id
 ORDER BY line.transaction_id DESC
 LIMIT $4

-- name: of_book
-- All that is in a book, about nothing in particular.
/* part: lines_of */
     SELECT /* part: own_line */ FROM transaction
      WHERE book_id = $1 AND transaction_id >= $2 AND transaction_id < $3 AND $5::text IS NULL
        AND /* part: own_filters */
      ORDER BY transaction_id DESC LIMIT $4
/* part: lines_end */

-- name: received
-- What the seller received where another one called, whose references and ids are its own affair.
/* part: lines_of */
     SELECT /* part: whole_line */ FROM transaction
      WHERE recipient_party_id = $6 AND transaction_id >= $2 AND transaction_id < $3 AND book_id <> ALL($1::bigint[])
        AND EXISTS (SELECT FROM book WHERE book.book_id = transaction.book_id AND book.environment = $7)
        AND $5::text IS NULL AND /* part: filters */
        AND ($13::text IS NULL OR sender_description ILIKE $13 OR transaction_id ILIKE $13
             OR /* part: buyer_matches */)
      ORDER BY transaction_id DESC LIMIT $4
/* part: lines_end */

-- name: of_instrument
-- By the small indexes, transaction_of_instrument and transaction_of_account.
/* part: lines_of */
    (SELECT /* part: own_line */ FROM transaction
      WHERE book_id = $1 AND hashtextextended(instrument_id, 0) = hashtextextended($5, 0) AND instrument_id = $5
        AND /* part: within */
      ORDER BY left(transaction_id, 6) DESC, transaction_id DESC LIMIT $4)
     UNION ALL
    (SELECT /* part: own_line */ FROM transaction
      WHERE book_id = $1 AND /* part: names_account_only */
        AND own_debit_account = (SELECT account_id FROM instrument
                                  WHERE instrument.book_id = $1 AND instrument.instrument_id = $5)
        AND /* part: within */
      ORDER BY left(transaction_id, 6) DESC, transaction_id DESC LIMIT $4)
/* part: lines_end */

-- name: of_token
-- What was paid with a token, or received by it.
/* part: lines_of */
    (SELECT /* part: whole_line */ FROM transaction
      WHERE book_id = $1 AND /* part: without_instrument */ AND sender_token_id = $5
        AND transaction_id >= $2 AND transaction_id < $3 AND /* part: own_filters */
      ORDER BY transaction_id DESC LIMIT $4)
     UNION ALL
    (SELECT /* part: own_line */ FROM transaction
      WHERE book_id = $1 AND /* part: paid_with */ = $5
        AND hashtextextended(instrument_id, 0) = (SELECT hashtextextended(instrument_id, 0) FROM token
                                                   WHERE token.book_id = $1 AND token.token_id = $5)
        AND /* part: within */
      ORDER BY left(transaction_id, 6) DESC, transaction_id DESC LIMIT $4)
     UNION ALL
    (SELECT /* part: own_line */ FROM transaction
      WHERE book_id = $1 AND /* part: paid_with */ = $5 AND /* part: names_account_only */
        AND own_debit_account = (SELECT instrument.account_id FROM token JOIN instrument USING (book_id, instrument_id)
                                  WHERE token.book_id = $1 AND token.token_id = $5)
        AND /* part: within */
      ORDER BY left(transaction_id, 6) DESC, transaction_id DESC LIMIT $4)
     UNION ALL
    (SELECT /* part: whole_line */ FROM transaction
      WHERE book_id = $1 AND recipient_token_id = $5
        AND recipient_party_id = (SELECT sender_party_id FROM token WHERE token.book_id = $1 AND token.token_id = $5)
        AND transaction_id >= $2 AND transaction_id < $3 AND /* part: own_filters */
      ORDER BY transaction_id DESC LIMIT $4)
/* part: lines_end */

-- name: of_buyer
-- All of a buyer ($5, the number of their account): by each balance and tab, and by each token of theirs beside these.
/* part: lines_of */
    (SELECT found.*
       FROM instrument AS held
      CROSS JOIN LATERAL (
            SELECT /* part: own_line */ FROM transaction
             WHERE book_id = $1 AND hashtextextended(instrument_id, 0) = hashtextextended(held.instrument_id, 0)
               AND instrument_id = held.instrument_id AND /* part: within */
             ORDER BY left(transaction_id, 6) DESC, transaction_id DESC LIMIT $4) AS found
      WHERE held.book_id = $1 AND held.sender_party_id = $5::text::bigint)
     UNION ALL
    (SELECT found.*
       FROM instrument AS held
      CROSS JOIN LATERAL (
            SELECT /* part: own_line */ FROM transaction
             WHERE book_id = $1 AND own_debit_account = held.account_id AND /* part: names_account_only */
               AND /* part: within */
             ORDER BY left(transaction_id, 6) DESC, transaction_id DESC LIMIT $4) AS found
      WHERE held.book_id = $1 AND held.sender_party_id = $5::text::bigint)
     UNION ALL
    (SELECT found.*
       FROM token AS given
      CROSS JOIN LATERAL (
            SELECT /* part: whole_line */ FROM transaction
             WHERE book_id = $1 AND /* part: without_instrument */ AND sender_token_id = given.token_id
               AND transaction_id >= $2 AND transaction_id < $3 AND /* part: own_filters */
             ORDER BY transaction_id DESC LIMIT $4) AS found
      WHERE given.book_id = $1 AND given.sender_party_id = $5::text::bigint AND given.instrument_id IS NULL)
/* part: lines_end */

-- name: of_original
-- The refunds of a transaction, or the reversal of a refund.
/* part: lines_of */
     SELECT /* part: whole_line */ FROM transaction
      WHERE book_id = $1 AND original_id = $5 AND operation IN ('Refund', 'RefundReversal') AND transaction_id >= $2 AND transaction_id < $3 AND /* part: own_filters */
      ORDER BY transaction_id DESC LIMIT $4
/* part: lines_end */

-- name: named
-- Of some transactions ($2), which the books $1 have, those in the seller's own books $3 and those that the seller ($5)
-- received in an environment ($6). At most $4.
/* part: lines_of */
     SELECT transaction.*, /* part: paid_from_joined */ AS paid_from, /* part: paid_with_joined */ AS paid_with
       FROM transaction LEFT JOIN /* part: own_token */
      WHERE transaction.book_id = ANY($1::bigint[]) AND transaction_id = ANY($2::text[])
        AND (transaction.book_id = ANY($3::bigint[])
             OR (recipient_party_id = $5
                 AND EXISTS (SELECT FROM book WHERE book.book_id = transaction.book_id AND book.environment = $6)))
/* part: lines_end */

-- name: reach
-- Where a look back over $4 transactions of a book ends, if there are so many.
SELECT transaction_id FROM transaction
 WHERE book_id = $1 AND transaction_id >= $2 AND transaction_id < $3
 ORDER BY transaction_id DESC
OFFSET $4::bigint - 1
 LIMIT 1

-- name: reach_received
-- Where a look back over $4 transactions that the seller ($1) received ends, if there are so many.
SELECT transaction_id FROM transaction
 WHERE recipient_party_id = $1 AND transaction_id >= $2 AND transaction_id < $3
 ORDER BY transaction_id DESC
OFFSET $4::bigint - 1
 LIMIT 1

-- name: by_reference
-- The transaction that a reference ($2) stands for in the seller's books $1.
SELECT transaction_id
  FROM (SELECT $2::text AS caller_reference) AS asked
  JOIN answered_reference ON reference_digest = /* part: reference_digest */
 WHERE book_id = ANY($1) AND transaction_id IS NOT NULL
 LIMIT 1
