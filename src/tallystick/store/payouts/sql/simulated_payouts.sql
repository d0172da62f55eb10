-- What the simulated payout rail remembers. Read by simulated_payouts.py.

-- name: keep
-- Once for each key.
INSERT INTO simulated_payout (idempotency_key, amount_micros, account_hint, declined, asked_at)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (idempotency_key) DO NOTHING

-- name: find
SELECT amount_micros, declined FROM simulated_payout WHERE idempotency_key = $1
