-- Accounts at a payment provider that sellers began to open. Read by onboardings.py.

-- name: find
-- That of the seller $1 in the environment $2.
SELECT account_id, begun_at, finished_at FROM payout_onboarding WHERE business_id = $1 AND environment = $2

-- name: begin
-- One, unless there is one.
INSERT INTO payout_onboarding (business_id, environment, account_id, begun_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, environment) DO NOTHING

-- name: finish
-- It is finished at $3; no row: it was before, or there is none.
UPDATE payout_onboarding SET finished_at = $3 WHERE business_id = $1 AND environment = $2 AND finished_at IS NULL
RETURNING account_id
