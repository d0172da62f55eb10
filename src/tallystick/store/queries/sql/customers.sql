-- The people who buy of a seller. Read by customers.py. $1 are the seller's books in one environment, but in the last two.

-- name: customer
-- A person ($2) who gave tokens to these books, with the first and the number of them; none: no customer.
SELECT person.party_id, person.name, person.email, person.status, min(token.created_at) AS since, count(*) AS tokens
  FROM token
  JOIN party AS person ON person.party_id = token.sender_party_id
 WHERE token.book_id = ANY($1) AND token.sender_party_id = $2
 GROUP BY person.party_id, person.name, person.email, person.status

-- name: of_address
-- Whose account has an address ($1), whatever they buy.
SELECT party_id FROM party WHERE email = lower($1)

-- name: held
-- What a customer ($2) has left on balances, and owes on tabs: how many, and how much.
SELECT instrument.kind, count(*) AS number, coalesce(sum(abs(account.balance_micros)), 0)::bigint AS amount_micros
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
 WHERE instrument.book_id = ANY($1) AND instrument.sender_party_id = $2
 GROUP BY instrument.kind

-- name: books_of_buyer
-- The books in an environment ($2) to which a person ($1) gave tokens.
SELECT DISTINCT token.book_id
  FROM token
  JOIN book ON book.book_id = token.book_id
 WHERE token.sender_party_id = $1 AND book.environment = $2
 ORDER BY token.book_id
