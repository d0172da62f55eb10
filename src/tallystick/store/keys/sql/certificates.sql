-- Certificates with which sellers' programs sign SOAP requests. Read by certificates.py.

-- name: register
-- No row when the certificate was registered before, by whomever.
INSERT INTO certificate (fingerprint, party_id, environment, certificate_der, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (fingerprint) DO NOTHING
RETURNING *

-- name: find
-- Whose certificate $1 is, if it is usable at $2, with the books that requests signed with it reach.
SELECT certificate.party_id, certificate.environment, certificate.certificate_der, party.status, book.book_id,
       coalesce(book.clock_offset_seconds, 0) AS clock_offset_seconds,
       ARRAY(SELECT part.book_id FROM book AS part
              WHERE part.party_id = certificate.party_id AND part.environment = certificate.environment
                AND part.currency = 'USD'
              ORDER BY part.part) AS parts
  FROM certificate
  JOIN party USING (party_id)
  LEFT JOIN book ON book.party_id = certificate.party_id AND book.environment = certificate.environment
                AND book.currency = 'USD' AND book.part = 0
 WHERE certificate.fingerprint = $1 AND certificate.revoked_at IS NULL AND certificate.expires_at > $2

-- name: list
-- All that the party $1 ever had, the oldest first.
SELECT * FROM certificate WHERE party_id = $1 ORDER BY created_at, fingerprint

-- name: revoke
-- For ever; a second time changes nothing.
UPDATE certificate
   SET revoked_at = coalesce(revoked_at, $3)
 WHERE party_id = $1 AND fingerprint = $2
RETURNING *
