-- Who did what. Read by audit.py.

-- name: add
-- Append an action.
INSERT INTO audit_entry (at, actor_id, business_id, environment, action, subject, details)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: latest
-- At most $1, the newest first, before the entry $6; each of the filters $2 to $5 may be null.
SELECT audit_id, at, actor_id, actor.name AS actor_name, actor.email AS actor_email, business_id,
       business.name AS business_name, environment, action, subject, details
  FROM audit_entry
  LEFT JOIN party AS actor ON actor.party_id = actor_id
  LEFT JOIN party AS business ON business.party_id = business_id
 WHERE ($2::bigint IS NULL OR business_id = $2) AND ($3::bigint IS NULL OR actor_id = $3)
   AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR subject = $5)
   AND ($6::bigint IS NULL OR audit_id < $6)
 ORDER BY audit_id DESC
 LIMIT $1

-- name: actors_of
-- Everybody who ever did something for the seller $1: not its buyers, who had their own balances paid back.
SELECT actor_id::text, email
  FROM (SELECT DISTINCT actor_id FROM audit_entry WHERE business_id = $1 AND action <> 'balance.redeem') AS actor
  JOIN party ON party_id = actor_id
 ORDER BY email
