-- The audit log and what was agreed to, as records of their chains. Read by records.py. An entry of the audit log is in the chain
-- of its seller, or in the operator's: number 0.

-- part: entry
SELECT audit_id, at, actor_id, business_id, environment, action, subject, details, chain_sequence, chained_at,
       previous_digest, chain_digest, subject_salt, subject_digest
  FROM audit_entry

-- part: agreement
SELECT book_id, authorization_id, party_id, visit_id, wording, digest, agreed_at, book_time, proved_at, proved_by,
       client_digest, user_agent, chain_sequence, chained_at, previous_digest, chain_digest, device_salt, device_digest,
       address_salt, address_digest
  FROM authorization_evidence

-- name: entries_after
-- $3 of those that are chained, in the order of chains and places, after the place $2 of the chain $1. $4: of this chain alone.
/* part: entry */
 WHERE (coalesce(business_id, 0), chain_sequence) > ($1, $2) AND chain_sequence IS NOT NULL
   AND ($4::bigint IS NULL OR coalesce(business_id, 0) = $4)
 ORDER BY coalesce(business_id, 0), chain_sequence
 LIMIT $3

-- name: agreements_after
-- $3 of those that are chained, in the order of books and places, after the place $2 of the book $1. $4: of this book alone.
/* part: agreement */
 WHERE (book_id, chain_sequence) > ($1, $2) AND chain_sequence IS NOT NULL AND ($4::bigint IS NULL OR book_id = $4)
 ORDER BY book_id, chain_sequence
 LIMIT $3

-- name: unchained_entries
-- $1 of them, the first written first, held until the commit. One that is being erased just now has its turn later.
/* part: entry */
 WHERE chain_sequence IS NULL
 ORDER BY audit_id
 LIMIT $1
   FOR UPDATE SKIP LOCKED

-- name: unchained_agreements
-- Which $1 of them are next. Two statements: Citus holds rows of one book at a time only.
SELECT book_id, array_agg(authorization_id ORDER BY agreed_at, authorization_id) AS authorizations
  FROM (SELECT book_id, authorization_id, agreed_at
          FROM authorization_evidence
         WHERE chain_sequence IS NULL
         ORDER BY agreed_at
         LIMIT $1) AS next
 GROUP BY book_id
 ORDER BY book_id

-- name: unchained_of_book
-- Those of the book $1 with the names $2, held until the commit.
/* part: agreement */
 WHERE book_id = $1 AND authorization_id = ANY($2::text[]) AND chain_sequence IS NULL
 ORDER BY agreed_at, authorization_id
   FOR UPDATE SKIP LOCKED

-- name: waiting_entries
-- How many are not chained yet, and since when.
SELECT count(*) AS number, min(at) AS since FROM audit_entry WHERE chain_sequence IS NULL

-- name: waiting_agreements
-- How many are not chained yet, and since when.
SELECT count(*) AS number, min(agreed_at) AS since FROM authorization_evidence WHERE chain_sequence IS NULL

-- name: any_entry_waits
SELECT true FROM audit_entry WHERE chain_sequence IS NULL LIMIT 1

-- name: any_agreement_waits
SELECT true FROM authorization_evidence WHERE chain_sequence IS NULL LIMIT 1
