-- Where sellers have events delivered to. Read by endpoints.py. $1 is the endpoint where nothing else is said.

-- part: record
endpoint_id, business_id, environment, url, description, types, secrets_sealed, previous_until, request_digest, created_at,
       disabled_at, disabled_because, failing_since, delivered_at

-- name: lock_seller
-- One change of a seller's ($1, $2) endpoints at a time, until the commit.
SELECT book_id FROM book WHERE party_id = $1 AND environment = $2 ORDER BY book_id FOR UPDATE

-- name: choose_charges
-- Whether charges that are answered at once are events of a seller ($1, $2).
UPDATE book SET charge_events = $3 WHERE party_id = $1 AND environment = $2 AND charge_events <> $3

-- name: list
-- Of a seller ($1, $2), the oldest first.
SELECT /* part: record */ FROM webhook_endpoint WHERE business_id = $1 AND environment = $2 ORDER BY created_at, endpoint_id

-- name: find
SELECT /* part: record */ FROM webhook_endpoint WHERE endpoint_id = $1

-- name: of_ids
SELECT /* part: record */ FROM webhook_endpoint WHERE endpoint_id = ANY($1::text[])

-- name: add
INSERT INTO webhook_endpoint (endpoint_id, business_id, environment, url, description, types, secrets_sealed,
                              request_digest, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: change
UPDATE webhook_endpoint SET url = $2, description = $3, types = $4 WHERE endpoint_id = $1

-- name: reseal_secrets
-- Another secret ($2, with the one before, which signs until $3).
UPDATE webhook_endpoint SET secrets_sealed = $2, previous_until = $3 WHERE endpoint_id = $1

-- name: disable
-- From $2 on, because of $3; no row where it was before.
UPDATE webhook_endpoint SET disabled_at = $2, disabled_because = $3
 WHERE endpoint_id = $1 AND disabled_at IS NULL
RETURNING endpoint_id

-- name: enable
UPDATE webhook_endpoint SET disabled_at = NULL, disabled_because = NULL, failing_since = NULL WHERE endpoint_id = $1

-- name: remove
DELETE FROM webhook_endpoint WHERE endpoint_id = $1

-- name: succeeded
-- Something arrived at $2; nothing is written where the last one that did is from after $3.
UPDATE webhook_endpoint SET delivered_at = $2, failing_since = NULL
 WHERE endpoint_id = $1 AND (failing_since IS NOT NULL OR delivered_at IS NULL OR delivered_at < $3)

-- name: failed
-- Something did not, at $2; since when nothing does.
UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, $2) WHERE endpoint_id = $1 RETURNING failing_since

-- name: any_delivered
-- Whether any endpoint of a seller ($1, $2) was ever delivered to.
SELECT EXISTS (SELECT FROM webhook_endpoint WHERE business_id = $1 AND environment = $2 AND delivered_at IS NOT NULL)
