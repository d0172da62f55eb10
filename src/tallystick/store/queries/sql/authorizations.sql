-- What a person agreed to, over all sellers' books, and what came of it. Read by authorizations.py. Nothing here locks or
-- changes anything. Amounts are micro-units.

-- name: authorizations
-- The authorizations of a party ($1), newest first; null takes no part: of one book ($2), the one with this id ($3), paid
-- from this card or bank account ($4), given before the one with this moment and id ($5, $6). $7: at most so many.
-- A set of tokens counts as one and bears its instrument's id; a token that another one replaced does not count.
SELECT token.*, coalesce(token.instrument_id, token.token_id) AS authorization_id,
       money.token_id AS money_token_id, money.cancelled_at AS money_cancelled_at,
       money.expires_at AS money_expires_at,
       coalesce(money.payment_method, token.payment_method) AS method,
       coalesce(money.payment_method_id, token.payment_method_id) AS method_id
  FROM token
  LEFT JOIN token AS money ON money.book_id = token.book_id AND money.instrument_id = token.instrument_id
                          AND money.purpose IN ('funding', 'settlement')
 WHERE token.sender_party_id = $1
   AND ($2::bigint IS NULL OR token.book_id = $2)
   AND ($3::text IS NULL OR coalesce(token.instrument_id, token.token_id) = $3)
   AND ($4::bigint IS NULL OR coalesce(money.payment_method_id, token.payment_method_id) = $4)
   AND ($5::timestamptz IS NULL
        OR (token.created_at, coalesce(token.instrument_id, token.token_id)) < ($5, $6::text COLLATE "C"))
   AND token.purpose IN ('prepaid_sender', 'credit_sender', 'sender', 'recipient', 'installed')
   AND NOT EXISTS (SELECT FROM token AS newer
                    WHERE newer.book_id = token.book_id AND newer.old_token_id = token.token_id)
   AND NOT EXISTS (SELECT FROM book -- what a seller installs for itself is no authorization of others
                    WHERE book.book_id = token.book_id AND book.party_id = token.sender_party_id)
 ORDER BY token.created_at DESC, authorization_id DESC
 LIMIT $7

-- name: states
-- How those with the tokens $2 in the book $1 stand: with whom they are, what is left or owed, what was spent.
WITH mine AS (
    SELECT token.token_id, token.old_token_id, token.purpose, token.sender_party_id, token.instrument_id,
           coalesce(token.instrument_id, token.token_id) AS authorization_id,
           coalesce(money.payment_method_id, token.payment_method_id) AS method_id
      FROM token
      LEFT JOIN token AS money ON money.book_id = token.book_id AND money.instrument_id = token.instrument_id
                              AND money.purpose IN ('funding', 'settlement')
     WHERE token.book_id = $1 AND token.token_id = ANY($2::text[])
)
SELECT mine.token_id, book.environment, book.clock_offset_seconds, book.archived_before,
       seller.party_id AS seller_party_id, seller.name AS seller_name, payment_method.label, payment_method.last_four,
       payment_method.expires_on, payment_method.removed_at IS NOT NULL AS method_removed, instrument.limit_micros,
       instrument.total_limit_micros, instrument.charged_micros, abs(account.balance_micros) AS balance_micros,
       (coalesce(brought.spent_micros, total.spent_micros)
        + CASE WHEN mine.instrument_id IS NULL THEN coalesce(archived.paid_micros - archived.refunded_micros, 0)
               ELSE coalesce(archived.other_micros, 0) END)::bigint AS spent_micros,
       coalesce(instrument.pending_micros, total.pending_micros) AS pending_micros,
       coalesce(brought.going_back_micros, 0)::bigint AS going_back_micros
  FROM mine
  JOIN book ON book.book_id = $1
  JOIN party AS seller ON seller.party_id = book.party_id
  LEFT JOIN payment_method ON payment_method.payment_method_id = mine.method_id
  LEFT JOIN instrument ON instrument.book_id = $1 AND instrument.instrument_id = mine.instrument_id
  LEFT JOIN account ON account.book_id = $1 AND account.account_id = instrument.account_id
  LEFT JOIN LATERAL ( -- what is in the archive, also of tokens that this one replaced
    WITH RECURSIVE line AS (
        SELECT mine.authorization_id AS subject_id, mine.old_token_id
        UNION
        SELECT older.token_id, older.old_token_id
          FROM token AS older JOIN line ON older.token_id = line.old_token_id
         WHERE older.book_id = $1
    )
    SELECT sum(paid_micros) AS paid_micros, sum(refunded_micros) AS refunded_micros, sum(other_micros) AS other_micros
      FROM archived_total
     WHERE archived_total.book_id = $1 AND archived_total.subject_id IN (SELECT subject_id FROM line)
 ) AS archived ON true
  LEFT JOIN LATERAL ( -- of an instrument: what came in or was settled says what was spent, without adding it up
    SELECT (coalesce(sum(CASE WHEN operation = 'Refund' THEN -amount_micros ELSE amount_micros END), 0)
            + account.balance_micros -- balances: below 0
            - (SELECT coalesce(sum(borne_micros), 0) FROM dispute -- frozen, taken back, or owed again
                WHERE book_id = $1 AND instrument_id = mine.instrument_id))::bigint AS spent_micros,
           sum(amount_micros) FILTER (WHERE operation = 'Refund' AND status = 'Pending') AS going_back_micros
      FROM transaction
     WHERE book_id = $1 AND instrument_id = mine.instrument_id
       AND (operation IN ('FundPrepaid', 'SettleDebt', 'WriteOffDebt') AND status = 'Success'
            OR operation = 'RefundReversal' AND status = 'Success' -- apart: each has an index of its own
            OR operation = 'Refund' AND payment_method NOT IN ('Prepaid', 'Debt') AND status <> 'Failure')
 ) AS brought ON instrument.instrument_id IS NOT NULL
 CROSS JOIN LATERAL ( -- of other tokens: real money, which is never moved very often
    WITH RECURSIVE line AS (
        SELECT mine.token_id, mine.old_token_id WHERE mine.purpose = 'sender'
        UNION
        SELECT older.token_id, older.old_token_id
          FROM token AS older JOIN line ON older.token_id = line.old_token_id
         WHERE older.book_id = $1
    ), movement AS (
        SELECT operation, status, amount_micros
          FROM transaction
         WHERE book_id = $1 AND /* part: without_instrument */ AND sender_token_id IN (SELECT token_id FROM line)
        UNION ALL
        SELECT operation, status, amount_micros
          FROM transaction
         WHERE book_id = $1 AND mine.purpose = 'recipient' AND recipient_party_id = mine.sender_party_id
           AND recipient_token_id = mine.token_id AND sender_party_id IS NOT NULL
    )
    SELECT coalesce(sum(CASE WHEN operation = 'Refund' THEN -amount_micros ELSE amount_micros END)
                    FILTER (WHERE status = 'Success' AND operation IN ('Pay', 'Reserve', 'Refund', 'RefundReversal')), 0)::bigint
               AS spent_micros,
           coalesce(sum(amount_micros) FILTER (WHERE status IN ('Pending', 'Reserved')
                                                 AND operation NOT IN ('Refund', 'Dispute')), 0)
               ::bigint AS pending_micros
      FROM movement
 ) AS total
