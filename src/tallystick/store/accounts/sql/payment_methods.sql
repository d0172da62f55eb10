-- Cards and bank accounts of buyers. Read by payment_methods.py.

-- part: columns
-- What a PaymentMethod is made of.
payment_method_id, party_id, environment, method, rail, rail_token, label, last_four, expires_on,
       verified_at IS NOT NULL AS verified, removed_at IS NOT NULL AS removed

-- name: add
-- A new one of the party $1.
INSERT INTO payment_method
            (party_id, environment, method, rail, rail_token, label, last_four, expires_on, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING /* part: columns */

-- name: lock_party
-- Who adds the same one twice at the same moment does so one after the other.
SELECT 1 FROM party WHERE party_id = $1 FOR NO KEY UPDATE

-- name: find_twin
-- One of the party $1 that looks like the new one and was added after $8.
SELECT /* part: columns */
  FROM payment_method
 WHERE party_id = $1 AND environment = $2 AND method = $3 AND rail = $4 AND label = $5 AND last_four = $6
   AND expires_on IS NOT DISTINCT FROM $7 AND removed_at IS NULL AND created_at > $8
 ORDER BY payment_method_id DESC
 LIMIT 1

-- name: of_party
-- What the party $1 has in the environment $2, the newest first.
SELECT /* part: columns */
  FROM payment_method
 WHERE party_id = $1 AND environment = $2 AND removed_at IS NULL
 ORDER BY payment_method_id DESC

-- name: find
-- Also one that was removed: money may still be on its way.
SELECT /* part: columns */
  FROM payment_method WHERE payment_method_id = $1

-- name: remove
-- Only its owner ($2) takes one out of the account.
UPDATE payment_method
   SET removed_at = $3
 WHERE payment_method_id = $1 AND party_id = $2 AND removed_at IS NULL

-- name: remove_all
-- All that the party $1 has.
UPDATE payment_method SET removed_at = $2 WHERE party_id = $1 AND removed_at IS NULL

-- name: bring_up_to_date
-- What the rail $1 calls $2, of all who have it.
UPDATE payment_method SET label = $3, last_four = $4, expires_on = $5 WHERE rail = $1 AND rail_token = $2

-- name: verify
-- It is its owner's own.
UPDATE payment_method SET verified_at = coalesce(verified_at, $2) WHERE payment_method_id = $1

-- name: verify_party
-- Who has one that is verified is known, too.
UPDATE party SET verified_at = coalesce(verified_at, $2) WHERE party_id = $1

-- name: replace
-- All authorizations of the party $1 that $2 pays for are paid from $3.
UPDATE token
   SET payment_method_id = $3
 WHERE sender_party_id = $1 AND payment_method_id = $2 AND cancelled_at IS NULL
