-- The instruments and tokens of a book ($1), newest first. Read by instrument_list.py, which merges those of a seller's
-- several books; nothing here locks or changes anything. Filters take no part where they are null. Amounts are micro-
-- units.

-- part: instrument_record
-- An instrument with its account, its spending token and its buyer.
SELECT instrument.instrument_id, instrument.kind, instrument.limit_micros, instrument.total_limit_micros,
       instrument.charged_micros, instrument.pending_micros, instrument.valid_from, instrument.expires_at,
       instrument.created_at, abs(account.balance_micros) AS balance_micros, spending.cancelled_at,
       buyer.party_id AS buyer_id, buyer.name AS buyer_name, buyer.email AS buyer_email
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
  JOIN token AS spending ON spending.book_id = instrument.book_id AND spending.instrument_id = instrument.instrument_id
                        AND spending.purpose IN ('prepaid_sender', 'credit_sender')
  JOIN party AS buyer ON buyer.party_id = instrument.sender_party_id

-- name: instruments
-- Of a kind ($2); whose spending token is 'active' or 'ended' ($3) at $4, the book's time; with a text ($5) in the buyer's
-- name or address, an id or a reference; the one with an id ($6); before the one with this moment and id ($7, $8). At most
-- $9. Those of a buyer ($10); made from a moment on ($11), before one ($12); with a state of the spending token ($13) at $4;
-- not before the one with this moment and id ($14, $15). `cancelled_at` is the spending token's.
/* part: instrument_record */
 WHERE instrument.book_id = $1
   AND ($2::text IS NULL OR instrument.kind = $2)
   AND ($3::text IS NULL
        OR ($3 = 'ended') = (spending.cancelled_at IS NOT NULL OR coalesce(instrument.expires_at <= $4, false)))
   AND ($5::text IS NULL OR buyer.name ILIKE $5 OR buyer.email ILIKE $5 OR instrument.instrument_id ILIKE $5
        OR spending.caller_reference ILIKE $5)
   AND ($6::text IS NULL OR instrument.instrument_id = $6)
   AND ($7::timestamptz IS NULL OR (instrument.created_at, instrument.instrument_id) < ($7, $8::text COLLATE "C"))
   AND ($10::bigint IS NULL OR instrument.sender_party_id = $10)
   AND ($11::timestamptz IS NULL OR instrument.created_at >= $11)
   AND ($12::timestamptz IS NULL OR instrument.created_at < $12)
   AND ($13::text IS NULL
        OR $13 = CASE WHEN spending.cancelled_at IS NOT NULL THEN 'cancelled'
                      WHEN spending.expires_at <= $4 THEN 'expired'
                      WHEN spending.valid_from > $4 THEN 'not yet' ELSE 'active' END)
   AND ($14::timestamptz IS NULL OR (instrument.created_at, instrument.instrument_id) >= ($14, $15::text COLLATE "C"))
 ORDER BY instrument.created_at DESC, instrument.instrument_id DESC
 LIMIT $9

-- name: instruments_reached
-- The instrument at which a search ends that looks at so many ($6), the latest before the one with this moment and id ($2,
-- $3), made from a moment on ($4), before one ($5).
SELECT created_at, instrument_id
  FROM instrument
 WHERE book_id = $1
   AND ($2::timestamptz IS NULL OR (created_at, instrument_id) < ($2, $3::text COLLATE "C"))
   AND ($4::timestamptz IS NULL OR created_at >= $4)
   AND ($5::timestamptz IS NULL OR created_at < $5)
 ORDER BY created_at DESC, instrument_id DESC
OFFSET $6::integer - 1
 LIMIT 1

-- name: tokens
-- For a purpose ($2); 'active' or 'ended' ($3) at $4, the book's time; with a text ($5) in the giver's name or address, an
-- id, a reference or the token's own name; the one with an id ($6); before the one with this moment and id ($7, $8). At
-- most $9. Those of an instrument ($10); those that a person ($11) gave.
/* part: token_record */
 WHERE token.book_id = $1
   AND ($2::text IS NULL OR token.purpose = $2)
   AND ($3::text IS NULL
        OR ($3 = 'ended') = (token.cancelled_at IS NOT NULL OR token.used_by IS NOT NULL
                             OR coalesce(token.expires_at <= $4, false)))
   AND ($5::text IS NULL OR giver.name ILIKE $5 OR giver.email ILIKE $5 OR token.token_id ILIKE $5
        OR token.caller_reference ILIKE $5 OR token.friendly_name ILIKE $5)
   AND ($6::text IS NULL OR token.token_id = $6)
   AND ($7::timestamptz IS NULL OR (token.created_at, token.token_id) < ($7, $8::text COLLATE "C"))
   AND ($10::text IS NULL OR token.instrument_id = $10)
   AND ($11::bigint IS NULL OR token.sender_party_id = $11)
 ORDER BY token.created_at DESC, token.token_id DESC
 LIMIT $9

-- name: named_instruments
-- Those of some instruments ($2) that the book has.
/* part: instrument_record */
 WHERE instrument.book_id = $1 AND instrument.instrument_id = ANY($2::text[])

-- name: tokens_of_instruments
-- The tokens of some instruments ($2).
/* part: token_record */
 WHERE token.book_id = $1 AND token.instrument_id = ANY($2::text[])

-- name: spending_tokens
-- Of some instruments ($2) of some books ($1) each token that charges go through, those that were made last at the end.
SELECT instrument_id, token_id
  FROM token
 WHERE book_id = ANY($1) AND instrument_id = ANY($2) AND purpose IN ('prepaid_sender', 'credit_sender')
 ORDER BY created_at, token_id

-- name: replaced_by
-- The token that replaced another ($2).
SELECT token_id FROM token WHERE book_id = ANY($1) AND old_token_id = $2
