-- Giving rows their places in the chains. Read by links.py.

-- name: lock
-- One pass at a time, until its commit ($1 names the lock). No waiting: false while somebody else is at it.
SELECT pg_try_advisory_xact_lock($1)

-- name: chain_entries
-- Give the entries $1 their places.
UPDATE audit_entry
   SET chain_sequence = new.sequence, chained_at = $2, previous_digest = new.previous, chain_digest = new.digest,
       subject_salt = new.salt, subject_digest = new.subject_digest
  FROM unnest($1::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])
       AS new (audit_id, sequence, previous, digest, salt, subject_digest)
 WHERE audit_entry.audit_id = new.audit_id AND audit_entry.chain_sequence IS NULL

-- name: chain_agreements
-- Give the agreements $2 of the book $1 their places.
UPDATE authorization_evidence AS agreed
   SET chain_sequence = new.sequence, chained_at = $3, previous_digest = new.previous, chain_digest = new.digest,
       device_salt = new.device_salt, device_digest = new.device_digest,
       address_salt = new.address_salt, address_digest = new.address_digest
  FROM unnest($2::text[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[])
       AS new (authorization_id, sequence, previous, digest, device_salt, device_digest, address_salt, address_digest)
 WHERE agreed.book_id = $1 AND agreed.authorization_id = new.authorization_id AND agreed.chain_sequence IS NULL
