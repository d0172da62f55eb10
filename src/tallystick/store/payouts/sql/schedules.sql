-- When sellers are paid out by themselves. Read by schedules.py.

-- name: find
-- That of the seller $1 in the environment $2.
SELECT business_id, environment, every, reserve_micros, next_at
  FROM payout_schedule WHERE business_id = $1 AND environment = $2

-- name: set
-- Of the seller $1 in the environment $2.
INSERT INTO payout_schedule (business_id, environment, every, reserve_micros, next_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (business_id, environment) DO UPDATE
   SET every = excluded.every, reserve_micros = excluded.reserve_micros, next_at = excluded.next_at,
       changed_at = excluded.changed_at

-- name: end
-- None any more.
DELETE FROM payout_schedule WHERE business_id = $1 AND environment = $2

-- name: due
-- At most $2 whose day has come at $1.
SELECT business_id, environment, every, reserve_micros, next_at
  FROM payout_schedule WHERE next_at <= $1 ORDER BY next_at LIMIT $2

-- name: advance
-- What was due at $3 is due again at $4, unless it was changed meanwhile.
UPDATE payout_schedule SET next_at = $4 WHERE business_id = $1 AND environment = $2 AND next_at = $3
