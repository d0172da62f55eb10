-- What the simulated rail was asked for, and what it said. Read by simulated_charges.py. $1 is the idempotency key.

-- part: columns
-- What a SimulatedCharge is made of.
amount_micros, outcome, reason, known_at

-- name: find
-- What was said to this key before.
SELECT /* part: columns */
  FROM simulated_charge WHERE idempotency_key = $1

-- name: keep
-- What is there already stays as it is, and is returned: another process may have been faster.
INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, reason, opened_at, known_at,
            operation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key
RETURNING /* part: columns */
