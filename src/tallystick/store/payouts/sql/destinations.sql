-- Bank accounts of sellers. Read by destinations.py.

-- name: current
-- That of the seller $1 in the environment $2.
SELECT destination_id, business_id, environment, account_sealed, hint, made_by, made_at, usable_at, replaced_at
  FROM payout_destination
 WHERE business_id = $1 AND environment = $2 AND replaced_at IS NULL

-- name: find
-- The one with the number $1, also one that was replaced.
SELECT destination_id, business_id, environment, account_sealed, hint, made_by, made_at, usable_at, replaced_at
  FROM payout_destination
 WHERE destination_id = $1

-- name: replace
-- The seller $1 has no bank account any more in the environment $2, since $3.
UPDATE payout_destination SET replaced_at = $3 WHERE business_id = $1 AND environment = $2 AND replaced_at IS NULL

-- name: add
-- Another one.
INSERT INTO payout_destination (business_id, environment, account_sealed, hint, made_by, made_at, usable_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING destination_id
