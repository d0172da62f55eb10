-- What statements of several files have in common. They put it in where they name it; see statements.py. A reference_digest
-- is by what a payment's caller_reference is known in answered_reference and claimed_payment: in lists, without a comment.

-- part: shard_suffix
_[0-9]{6,}$

-- part: terms_of_key
-- What `AccessKey.still_is` compares.
SELECT ROW(key.access_key_id, key.party_id, key.environment, key.expires_at, signer.status, own.book_id,
           coalesce(own.clock_offset_seconds, 0),
           ARRAY(SELECT part.book_id FROM book AS part
                  WHERE part.party_id = key.party_id AND part.environment = key.environment
                    AND part.currency = 'USD'
                  ORDER BY part.part),
           key.scopes, key.networks::text[], key.calls_per_second, key.bearer_digest)::carried_key_terms
  FROM access_key AS key
  JOIN party AS signer ON signer.party_id = key.party_id
  LEFT JOIN book AS own ON own.party_id = key.party_id AND own.environment = key.environment
                       AND own.currency = 'USD' AND own.part = 0

-- part: terms_of_keys
-- Of those keys ($4) that are not revoked.
/* part: terms_of_key */
 WHERE key.access_key_id = ANY($4::text[]) AND key.revoked_at IS NULL

-- part: token_record
-- A token as `TokenRecord` has it: with its book and the people on both sides.
SELECT token.book_id, token.token_id, token.purpose, token.token_type, token.instrument_id, token.caller_reference,
       token.friendly_name, token.old_token_id, token.payment_method, token.payment_method_id, token.payment_reason,
       token.instruction, token.terms, token.usage_limits, token.valid_from, token.expires_at, token.cancelled_at,
       token.created_at, token.used_by, book.environment, book.clock_offset_seconds,
       seller.party_id AS seller_id, seller.name AS seller_name, seller.email AS seller_email,
       giver.party_id AS giver_id, giver.name AS giver_name, giver.email AS giver_email,
       giver.status AS giver_status, giver.email_verified_at IS NOT NULL AS email_verified,
       giver.verified_at IS NOT NULL AS account_verified, giver.receives_cards, giver.marketplace, giver.denied
  FROM token
  JOIN book ON book.book_id = token.book_id
  JOIN party AS seller ON seller.party_id = book.party_id
  JOIN party AS giver ON giver.party_id = token.sender_party_id

-- part: booked_transfer
-- All that was booked: a payment from a balance or on a tab may be its only transfer itself, to the seller's sales (account 2).
-- It is no view of the database's: statements that narrow the tables by CTEs of their names narrow it, too, and a
-- machine of a cluster has nothing to know of it. Conditions on its columns go through to the indexes of both.
(SELECT book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at FROM transfer
  UNION ALL
 SELECT book_id, transaction_id, 1::smallint, own_debit_account, 2::bigint, amount_micros, received_at
   FROM transaction WHERE own_debit_account IS NOT NULL)

-- part: booked_in_book
-- The same of one book ($1), which a cluster finds named beside each table.
(SELECT book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at
   FROM transfer WHERE book_id = $1
  UNION ALL
 SELECT book_id, transaction_id, 1::smallint, own_debit_account, 2::bigint, amount_micros, received_at
   FROM transaction WHERE book_id = $1 AND own_debit_account IS NOT NULL)

-- part: paid_from
-- The instrument of a row of `transaction`. A payment that is its own transfer names the account that it came from instead: the
-- subject of that is the instrument, for ever. For rows of one book ($1).
coalesce(transaction.instrument_id,
         CASE WHEN transaction.own_debit_account IS NOT NULL THEN (
             SELECT account.subject COLLATE "C" FROM account
              WHERE account.book_id = $1 AND account.account_id = transaction.own_debit_account
         ) END)

-- part: names_account_only
-- Such a payment; what transaction_of_account has.
own_debit_account IS NOT NULL AND instrument_id IS NULL

-- part: without_instrument
-- Real money, paid with a token that belongs to no instrument; what transaction_of_token has. Not by two conditions: of both
-- together PostgreSQL would expect as many as if they had nothing to do with each other.
num_nonnulls(transaction.instrument_id, transaction.own_debit_account) = 0

-- part: paid_with
-- The token of a row of `transaction`. A payment that is its own transfer says it only where it is another one than its instrument's
-- own: the one that spends from it and has taken no other one's place, of which there is one (token_of_payments). For rows of
-- one book ($1).
coalesce(transaction.sender_token_id,
         CASE WHEN transaction.own_debit_account IS NOT NULL THEN (
             SELECT token.token_id FROM token
              WHERE token.book_id = $1 AND token.instrument_id = /* part: paid_from */
                AND token.purpose IN ('prepaid_sender', 'credit_sender') AND token.old_token_id IS NULL
         ) END)

-- part: own_token
-- The same account and token of the rows of several books, to be joined.
account AS own_account
         ON own_account.book_id = transaction.book_id AND own_account.account_id = transaction.own_debit_account
       LEFT JOIN token AS own_token
         ON own_token.book_id = transaction.book_id
        AND own_token.instrument_id = coalesce(transaction.instrument_id, own_account.subject COLLATE "C")
        AND own_token.purpose IN ('prepaid_sender', 'credit_sender') AND own_token.old_token_id IS NULL
        AND transaction.own_debit_account IS NOT NULL

-- part: paid_from_joined
coalesce(transaction.instrument_id, own_account.subject COLLATE "C")

-- part: paid_with_joined
coalesce(transaction.sender_token_id, own_token.token_id)

-- part: reference_digest
substring(sha256(convert_to(caller_reference, 'UTF8')), 1, 15)

-- part: same_tab
-- Whether an instrument is the tab that a payment was decided by (a row of remembered_tab), and its agreed total covers it.
instrument.kind = 'credit' AND instrument.account_id = tab.account_id AND instrument.limit_micros = tab.limit_micros
AND instrument.total_limit_micros IS NOT DISTINCT FROM tab.total_limit_micros
AND instrument.expires_at IS NOT DISTINCT FROM tab.expires_at
AND (instrument.charged_micros + tab.delta_micros <= instrument.total_limit_micros) IS NOT FALSE

-- part: untold_disputes
-- Those of which the seller has had no letter yet since the rail told something new. That a dispute was opened is old when
-- something else was told before, and so is everything that is told after an end.
  FROM dispute
 CROSS JOIN LATERAL (SELECT told[1:coalesce(least(array_position(told, 'won'), array_position(told, 'lost')),
                                            cardinality(told))]) AS until_end (news)
 WHERE letters < cardinality(told) -- what the index has
   AND letters < cardinality(news) - CASE WHEN array_position(news, 'opened') > 1 THEN 1 ELSE 0 END
