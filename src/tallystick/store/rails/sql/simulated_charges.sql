-- What the simulated rail was asked for, and what it said. Read by simulated_charges.py. $1 is the idempotency key,
-- except in `moved`.

-- part: columns
-- What a SimulatedCharge is made of. Rows of early versions have no reference of their own.
idempotency_key, coalesce(reference, idempotency_key) AS reference, operation, rail_token, amount_micros, fee_micros, outcome,
       reason, known_at

-- name: find
-- What was said to this key before; or to the order that the rail calls $2.
SELECT /* part: columns */
  FROM simulated_charge WHERE idempotency_key = $1 OR reference = $2
 ORDER BY idempotency_key = $1 DESC
 LIMIT 1

-- name: keep
-- What is there already stays as it is, and is returned: another process may have been faster.
INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, reason, opened_at, known_at,
            operation, reference, fee_micros)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key
RETURNING /* part: columns */

-- name: moved
-- What came in and went out from $1 to before $2.
SELECT /* part: columns */
  FROM simulated_charge
 WHERE outcome = 'paid' AND operation IN ('charge', 'capture', 'refund', 'return') AND known_at >= $1 AND known_at < $2
 ORDER BY known_at, idempotency_key
