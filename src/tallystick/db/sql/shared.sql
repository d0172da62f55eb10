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

-- part: reference_digest
substring(sha256(convert_to(caller_reference, 'UTF8')), 1, 15)
