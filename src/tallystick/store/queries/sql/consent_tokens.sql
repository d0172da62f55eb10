-- Tokens as the pages show them on which people agree to more. Read by consent_tokens.py.

-- name: find
-- Those of the tokens $2 that the book $1 has, with who gave them.
SELECT token.token_id, token.purpose, token.token_type, token.sender_party_id, party.name,
       token.payment_method, token.payment_method_id, token.terms, token.usage_limits, token.valid_from,
       token.expires_at, token.cancelled_at
  FROM token
  JOIN party ON party.party_id = token.sender_party_id
 WHERE token.book_id = $1 AND token.token_id = ANY($2::text[])
