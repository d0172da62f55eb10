-- The operator's view of accounts. Read by account_register.py. $1 is the party, except where said otherwise.

-- part: account
-- Accounts with all that the operator sees of them.
SELECT party.party_id, kind, email, name, status, created_at, email_verified_at, verified_at, receives_cards,
       marketplace, denied, fee_schedule, password_hash IS NOT NULL AS signs_in,
       operator.party_id IS NOT NULL AS operator
  FROM party LEFT JOIN operator USING (party_id)

-- name: search
-- At most $1, the newest first, below the number $5; each of the filters $2 (text in lower case), $3 and $4 may be empty.
/* part: account */
 WHERE ($2 = '' OR strpos(lower(name), $2) > 0 OR strpos(email, $2) > 0)
   AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR status = $4)
   AND ($5::bigint IS NULL OR party.party_id < $5)
 ORDER BY party.party_id DESC LIMIT $1

-- name: find_by_email
-- By the address $1, in the form in which it is stored.
/* part: account */
 WHERE email = $1

-- name: find
-- The account with the number $1.
/* part: account */
 WHERE party.party_id = $1

-- name: books_of
-- A seller's books, with what is in them in micro-units.
SELECT book_id, environment, currency,
       coalesce(sum(balance_micros) FILTER (WHERE kind = 'cash'), 0)::bigint AS cash_micros,
       coalesce(-sum(balance_micros) FILTER (WHERE kind = 'prepaid'), 0)::bigint AS liability_micros,
       coalesce(sum(balance_micros) FILTER (WHERE kind = 'receivable'), 0)::bigint AS debt_micros
  FROM book JOIN account USING (book_id)
 WHERE party_id = $1
 GROUP BY book_id, environment, currency
 ORDER BY environment DESC, book_id

-- name: holdings
-- How much there is of what an account can have.
SELECT (SELECT count(*) FROM access_key WHERE party_id = $1 AND revoked_at IS NULL) AS access_keys,
       (SELECT count(*) FROM staff WHERE business_id = $1) AS staff,
       (SELECT count(*) FROM staff WHERE person_id = $1) AS works_for,
       (SELECT count(*) FROM token WHERE sender_party_id = $1 AND cancelled_at IS NULL
           AND purpose NOT IN ('funding', 'settlement', 'installed')) AS authorizations,
       (SELECT count(*) FROM payment_method WHERE party_id = $1 AND removed_at IS NULL) AS payment_methods
