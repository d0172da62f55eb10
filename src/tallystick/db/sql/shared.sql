-- What statements of several files have in common. They put it in where they name it; see statements.py.

-- part: terms_of_keys
-- Of those keys ($4) that are not revoked, what `AccessKey.still_is` compares.
SELECT ROW(key.access_key_id, key.party_id, key.environment, key.expires_at, signer.status, own.book_id,
           coalesce(own.clock_offset_seconds, 0),
           ARRAY(SELECT part.book_id FROM book AS part
                  WHERE part.party_id = key.party_id AND part.environment = key.environment
                    AND part.currency = 'USD'
                  ORDER BY part.part))::key_terms
  FROM access_key AS key
  JOIN party AS signer ON signer.party_id = key.party_id
  LEFT JOIN book AS own ON own.party_id = key.party_id AND own.environment = key.environment
                       AND own.currency = 'USD' AND own.part = 0
 WHERE key.access_key_id = ANY($4::text[]) AND key.revoked_at IS NULL
