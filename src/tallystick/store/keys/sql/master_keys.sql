-- The master keys of the database, and what they seal. Read by master_keys.py. `_batch`: values after the row $1, at most
-- $2, that do not begin with $3; `place` tells where a value belongs. `_reseal`: of the row $1 the value $2 becomes $3.

-- name: read
-- The keys that the database has had, the oldest first.
SELECT generation, key_name, digests_sealed, announced_at, begun_at, resealed_at FROM master_key ORDER BY generation

-- name: add
-- A key, with what digests are made with while it seals.
INSERT INTO master_key (generation, key_name, digests_sealed, announced_at, begun_at, resealed_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: begin
-- From $1 on the newest one seals.
UPDATE master_key SET begun_at = $1
 WHERE begun_at IS NULL AND generation = (SELECT max(generation) FROM master_key)

-- name: finish
-- At $1 nothing is sealed with an older one.
UPDATE master_key AS newest SET resealed_at = $1
 WHERE resealed_at IS NULL AND begun_at IS NOT NULL AND generation = (SELECT max(generation) FROM master_key)
   AND NOT EXISTS (SELECT FROM access_key WHERE substring(secret_sealed, 1, 9) <> '\x02'::bytea || newest.key_name)
   AND NOT EXISTS (SELECT FROM signing_key WHERE substring(private_key_sealed, 1, 9) <> '\x02'::bytea || newest.key_name)
   AND NOT EXISTS (SELECT FROM second_factor WHERE substring(secret_sealed, 1, 9) <> '\x02'::bytea || newest.key_name)
   AND NOT EXISTS (SELECT FROM payout_destination
                    WHERE substring(account_sealed, 1, 9) <> '\x02'::bytea || newest.key_name)
   AND NOT EXISTS (SELECT FROM payout_file WHERE substring(content_sealed, 1, 9) <> '\x02'::bytea || newest.key_name)
   AND NOT EXISTS (SELECT FROM mail WHERE substring(sealed, 1, 9) <> '\x02'::bytea || newest.key_name)
   AND NOT EXISTS (SELECT FROM master_key AS each
                    WHERE substring(each.digests_sealed, 1, 9) <> '\x02'::bytea || newest.key_name)

-- name: counts
-- How many values are sealed with which key; those of the first form name none.
SELECT CASE WHEN get_byte(sealed, 0) = 2 THEN substring(sealed, 2, 8) END AS key_name, count(*) AS sealed
  FROM (SELECT secret_sealed AS sealed FROM access_key
        UNION ALL SELECT private_key_sealed FROM signing_key
        UNION ALL SELECT secret_sealed FROM second_factor
        UNION ALL SELECT sealed FROM mail
        UNION ALL SELECT account_sealed FROM payout_destination
        UNION ALL SELECT content_sealed FROM payout_file
        UNION ALL SELECT digests_sealed FROM master_key) AS every
 WHERE sealed IS NOT NULL
 GROUP BY 1

-- name: access_key_batch
-- Secrets of access keys.
SELECT access_key_id AS id, secret_sealed AS sealed, access_key_id AS place
  FROM access_key
 WHERE access_key_id > $1 AND substring(secret_sealed, 1, 9) <> $3
 ORDER BY access_key_id
 LIMIT $2

-- name: access_key_reseal
-- Of one access key.
UPDATE access_key SET secret_sealed = $3 WHERE access_key_id = $1 AND secret_sealed = $2

-- name: signing_key_batch
-- Private halves of the service's own keys.
SELECT name AS id, private_key_sealed AS sealed, name AS place
  FROM signing_key
 WHERE name > $1 AND substring(private_key_sealed, 1, 9) <> $3
 ORDER BY name
 LIMIT $2

-- name: signing_key_reseal
-- Of one of them.
UPDATE signing_key SET private_key_sealed = $3 WHERE name = $1 AND private_key_sealed = $2

-- name: second_factor_batch
-- Secrets of authenticator apps.
SELECT party_id AS id, secret_sealed AS sealed, party_id::text AS place
  FROM second_factor
 WHERE party_id > $1 AND substring(secret_sealed, 1, 9) <> $3
 ORDER BY party_id
 LIMIT $2

-- name: second_factor_reseal
-- Of one account's app.
UPDATE second_factor SET secret_sealed = $3 WHERE party_id = $1 AND secret_sealed = $2

-- name: letter_batch
-- Letters that have not left.
SELECT mail_id AS id, sealed, recipient AS place
  FROM mail
 WHERE mail_id > $1 AND substring(sealed, 1, 9) <> $3
 ORDER BY mail_id
 LIMIT $2

-- name: letter_reseal
-- One letter.
UPDATE mail SET sealed = $3 WHERE mail_id = $1 AND sealed = $2

-- name: destination_batch
-- Bank accounts of sellers.
SELECT destination_id AS id, account_sealed AS sealed, business_id || ' ' || environment AS place
  FROM payout_destination
 WHERE destination_id > $1 AND substring(account_sealed, 1, 9) <> $3
 ORDER BY destination_id
 LIMIT $2

-- name: destination_reseal
-- One of them.
UPDATE payout_destination SET account_sealed = $3 WHERE destination_id = $1 AND account_sealed = $2

-- name: payout_file_batch
-- Files of payouts.
SELECT message_id AS id, content_sealed AS sealed, message_id AS place
  FROM payout_file
 WHERE message_id > $1 AND substring(content_sealed, 1, 9) <> $3
 ORDER BY message_id
 LIMIT $2

-- name: payout_file_reseal
-- One of them.
UPDATE payout_file SET content_sealed = $3 WHERE message_id = $1 AND content_sealed = $2

-- name: endpoint_batch
-- Secrets by which events are signed.
SELECT endpoint_id AS id, secrets_sealed AS sealed, endpoint_id AS place
  FROM webhook_endpoint
 WHERE endpoint_id > $1 AND substring(secrets_sealed, 1, 9) <> $3
 ORDER BY endpoint_id
 LIMIT $2

-- name: endpoint_reseal
-- Of one endpoint.
UPDATE webhook_endpoint SET secrets_sealed = $3 WHERE endpoint_id = $1 AND secrets_sealed = $2

-- name: digests_batch
-- What digests are made with.
SELECT generation AS id, digests_sealed AS sealed, generation::text AS place
  FROM master_key
 WHERE generation > $1 AND substring(digests_sealed, 1, 9) <> $3
 ORDER BY generation
 LIMIT $2

-- name: digests_reseal
-- Of one generation.
UPDATE master_key SET digests_sealed = $3 WHERE generation = $1 AND digests_sealed = $2

-- name: lock
-- Held by this session until it ends.
SELECT pg_try_advisory_lock($1)

-- name: unlock
-- Given back.
SELECT pg_advisory_unlock($1)
