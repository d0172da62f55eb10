-- Which balances sellers pay back when buyers ask for it, and who has asked. Read by redemptions.py. Amounts are micro-units.

-- name: policies
-- Those of the sellers $1, each in the environment of the same place in $2.
SELECT business_id, environment, up_to_micros
  FROM redemption_policy
  JOIN unnest($1::bigint[], $2::text[]) AS wanted (business, place) ON business_id = business AND environment = place

-- name: set_policy
-- Of the seller $1 in the environment $2: balances of at most $3, null: every one.
INSERT INTO redemption_policy (business_id, environment, up_to_micros, changed_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, environment) DO UPDATE
   SET up_to_micros = excluded.up_to_micros, changed_at = excluded.changed_at

-- name: end_policy
-- None any more.
DELETE FROM redemption_policy WHERE business_id = $1 AND environment = $2

-- name: promised
-- What the buyers of the balances $2 of the book $1 agreed to about it, where the page said anything.
SELECT authorization_id, wording -> 'redemption' AS redemption
  FROM authorization_evidence
 WHERE book_id = $1 AND authorization_id = ANY($2::text[]) AND jsonb_typeof(wording -> 'redemption') = 'object'

-- name: ask
-- A buyer asks. No row: this form was sent before.
INSERT INTO redemption (book_id, redemption_id, instrument_id, asked_by, amount_micros, asked_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
RETURNING true

-- name: find
-- The one $2 of the book $1.
SELECT book_id, redemption_id, instrument_id, asked_by, amount_micros, asked_at, ended_at, paid_micros, refused
  FROM redemption WHERE book_id = $1 AND redemption_id = $2

-- name: latest
-- The latest of the balance $2 of the book $1.
SELECT book_id, redemption_id, instrument_id, asked_by, amount_micros, asked_at, ended_at, paid_micros, refused
  FROM redemption WHERE book_id = $1 AND instrument_id = $2 ORDER BY asked_at DESC, redemption_id DESC LIMIT 1

-- name: open
-- At most $2 that nobody has ended or claimed, asked for before $1, the oldest first.
SELECT book_id, redemption_id, instrument_id, asked_by, amount_micros, asked_at, ended_at, paid_micros, refused
  FROM redemption
 WHERE ended_at IS NULL AND asked_at < $1 AND (claimed_until IS NULL OR claimed_until < $1)
 ORDER BY asked_at, redemption_id
 LIMIT $2

-- name: claim
-- The one $2 of the book $1 until $4, if nobody else has it at $3.
UPDATE redemption SET claimed_until = $4
 WHERE book_id = $1 AND redemption_id = $2 AND ended_at IS NULL AND (claimed_until IS NULL OR claimed_until < $3)
RETURNING true

-- name: end
-- It is over at $3: $4 was paid back, or nothing for the reason $5. No row: it was over before.
UPDATE redemption SET ended_at = $3, paid_micros = $4, refused = $5, claimed_until = NULL
 WHERE book_id = $1 AND redemption_id = $2 AND ended_at IS NULL
RETURNING true
