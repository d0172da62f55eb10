-- Set-ups at the simulated provider's page, and cards whose owners have confirmed. Read by simulated_setups.py. $1 is the
-- set-up's reference, except in the last two.

-- part: columns
-- What a SimulatedSetup is made of.
reference, kind, return_url, cancel_url, begun_at, outcome, rail_token, brand, last_four, expires_on

-- name: begin
-- Begun twice with the same key ($2), it is the same one.
INSERT INTO simulated_setup (reference, idempotency_key, kind, return_url, cancel_url, begun_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key
RETURNING /* part: columns */

-- name: find
-- No row: there is none.
SELECT /* part: columns */
  FROM simulated_setup WHERE reference = $1

-- name: complete
-- No row: it was over already.
UPDATE simulated_setup
   SET outcome = 'complete', rail_token = $2, brand = $3, last_four = $4, expires_on = $5
 WHERE reference = $1 AND outcome IS NULL
RETURNING /* part: columns */

-- name: abandon
-- The buyer gave it up; what is over stays as it is.
UPDATE simulated_setup SET outcome = 'abandoned' WHERE reference = $1 AND outcome IS NULL

-- name: of_token
-- The set-up that this means of payment ($1) came from.
SELECT /* part: columns */
  FROM simulated_setup WHERE rail_token = $1

-- name: confirm
-- The owner of this card ($1) has confirmed.
INSERT INTO simulated_confirmation (rail_token, confirmed_at) VALUES ($1, $2) ON CONFLICT (rail_token) DO NOTHING

-- name: is_confirmed
-- A row, if the owner of this card ($1) has confirmed.
SELECT FROM simulated_confirmation WHERE rail_token = $1
