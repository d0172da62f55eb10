-- Any one secret, to see whether a master key opens it. Read by sealed.py.

-- name: any_signing_key
-- One of the service's own.
SELECT name, private_key_sealed FROM signing_key WHERE private_key_sealed IS NOT NULL LIMIT 1

-- name: any_access_key
-- One of somebody's.
SELECT access_key_id, secret_sealed FROM access_key LIMIT 1
