-- Tokens as the API, the hosted pages and notifications read them. Read by tokens.py; nothing here locks or changes anything.

-- name: find
-- One token ($2) of a book ($1).
/* part: token_record */
 WHERE token.book_id = $1 AND token.token_id = $2

-- name: by_ids
-- Those of the tokens ($2) that a book ($1) has.
/* part: token_record */
 WHERE token.book_id = $1 AND token.token_id = ANY($2::text[])

-- name: by_reference
-- The token of one owner's books ($1) that was installed under a reference ($2).
/* part: token_record */
 WHERE token.book_id = ANY($1::bigint[]) AND token.caller_reference = $2

-- name: of_giver
-- The tokens on a party's ($1) own account in one environment ($2), oldest first.
/* part: token_record */
 WHERE token.sender_party_id = $1 AND book.environment = $2
 ORDER BY token.created_at, token.token_id
