-- A seller's activity, newest first. Read by seller_activity.py; nothing here locks or changes anything.
-- Everywhere: $1 the seller's books, of which each is read in its own order; ids from $2 until before $3 (they carry the
-- time); at most $4 rows; $5 the instrument, token or original that `of_instrument`, `of_token` and `of_original` are
-- about, else null; $6 the seller, $7 the environment. The filters $8 to $13 take no part where they are null.

-- name: filters
($8::text IS NULL OR operation = $8)
        AND ($9::text IS NULL OR status = $9)
        AND ($10::text IS NULL OR payment_method = $10)
        AND ($11::bigint IS NULL OR amount_micros >= $11)
        AND ($12::bigint IS NULL OR amount_micros <= $12)
        AND ($13::text IS NULL OR sender_description ILIKE $13 OR transaction_id ILIKE $13
             OR book_id = ANY($1) AND (caller_reference ILIKE $13 OR caller_description ILIKE $13
                                       OR instrument_id ILIKE $13 OR sender_token_id ILIKE $13)) -- callers' own affairs

-- name: of_book
-- All of the books, and what the seller received where another one called.
(SELECT line.* FROM unnest($1::bigint[]) AS part (book_id) CROSS JOIN LATERAL (
     SELECT * FROM transaction
      WHERE transaction.book_id = part.book_id AND transaction_id >= $2 AND transaction_id < $3 AND $5::text IS NULL
        AND {filters}
      ORDER BY transaction_id DESC LIMIT $4) AS line)
     UNION ALL
    (SELECT * FROM transaction
      WHERE recipient_party_id = $6 AND transaction_id >= $2 AND transaction_id < $3 AND book_id <> ALL($1)
        AND EXISTS (SELECT FROM book WHERE book.book_id = transaction.book_id AND book.environment = $7)
        AND {filters}
      ORDER BY transaction_id DESC LIMIT $4)

-- name: of_instrument
SELECT line.* FROM unnest($1::bigint[]) AS part (book_id) CROSS JOIN LATERAL (
     SELECT * FROM transaction
      WHERE transaction.book_id = part.book_id AND instrument_id = $5 AND transaction_id >= $2 AND transaction_id < $3
        AND $6::bigint IS NOT NULL AND $7::text IS NOT NULL AND {filters}
      ORDER BY transaction_id DESC LIMIT $4) AS line

-- name: of_token
-- What was paid with a token, or received by it.
SELECT line.* FROM unnest($1::bigint[]) AS part (book_id) CROSS JOIN LATERAL (
    (SELECT * FROM transaction
      WHERE transaction.book_id = part.book_id AND instrument_id IS NULL AND sender_token_id = $5
        AND transaction_id >= $2 AND transaction_id < $3
        AND $6::bigint IS NOT NULL AND $7::text IS NOT NULL AND {filters}
      ORDER BY transaction_id DESC LIMIT $4)
     UNION ALL
    (SELECT * FROM transaction
      WHERE transaction.book_id = part.book_id AND sender_token_id = $5
        AND instrument_id = (SELECT instrument_id FROM token
                              WHERE token.book_id = part.book_id AND token.token_id = $5)
        AND transaction_id >= $2 AND transaction_id < $3 AND {filters}
      ORDER BY transaction_id DESC LIMIT $4)
     UNION ALL
    (SELECT * FROM transaction
      WHERE transaction.book_id = part.book_id AND recipient_token_id = $5
        AND recipient_party_id = (SELECT sender_party_id FROM token
                                   WHERE token.book_id = part.book_id AND token.token_id = $5)
        AND transaction_id >= $2 AND transaction_id < $3 AND {filters}
      ORDER BY transaction_id DESC LIMIT $4)) AS line

-- name: of_original
-- The refunds of a transaction.
SELECT line.* FROM unnest($1::bigint[]) AS part (book_id) CROSS JOIN LATERAL (
     SELECT * FROM transaction
      WHERE transaction.book_id = part.book_id AND original_id = $5 AND transaction_id >= $2 AND transaction_id < $3
        AND $6::bigint IS NOT NULL AND $7::text IS NOT NULL AND {filters}
      ORDER BY transaction_id DESC LIMIT $4) AS line

-- name: lines
-- One of the above with the people in it.
SELECT line.book_id, line.transaction_id, line.operation, line.status, line.status_code, line.amount_micros,
       line.fee_micros, line.fee_payer, line.marketplace_fee_micros, line.payment_method, line.caller_reference,
       line.caller_description, line.sender_description, line.instrument_id, line.sender_token_id, line.original_id,
       line.completed_at, line.recipient_party_id, sender.name AS sender_name, sender.email AS sender_email,
       recipient.name AS recipient_name
  FROM ({source}) AS line
  LEFT JOIN party AS sender ON sender.party_id = line.sender_party_id
  LEFT JOIN party AS recipient ON recipient.party_id = line.recipient_party_id
 ORDER BY line.transaction_id DESC
 LIMIT $4

-- name: reach
-- Where a look back over $4 transactions of one of the books $1, or $4 that the seller $5 received, ends; null: at the
-- beginning.
SELECT max(transaction_id)
  FROM ((SELECT line.transaction_id FROM unnest($1::bigint[]) AS part (book_id) CROSS JOIN LATERAL (
            SELECT transaction_id FROM transaction
             WHERE transaction.book_id = part.book_id AND transaction_id >= $2 AND transaction_id < $3
             ORDER BY transaction_id DESC OFFSET $4::bigint - 1 LIMIT 1) AS line)
        UNION ALL
        (SELECT transaction_id FROM transaction
          WHERE recipient_party_id = $5 AND transaction_id >= $2 AND transaction_id < $3
          ORDER BY transaction_id DESC OFFSET $4::bigint - 1 LIMIT 1)) AS ends

-- name: by_reference
-- The transaction that a reference ($3) of the seller's ($2) stands for in the books $1, while it is remembered.
SELECT transaction_id FROM answered_reference
 WHERE book_id = ANY($1) AND caller_party_id = $2 AND caller_reference = $3
 LIMIT 1
