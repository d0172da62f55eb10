-- What a seller wants a second person for, and what waits for one. Read by approvals.py.

-- name: rule
-- Above which amount the seller $1 wants one; no row: never.
SELECT above_micros FROM approval_rule WHERE business_id = $1

-- name: set_rule
-- The amount $2 for the seller $1.
INSERT INTO approval_rule (business_id, above_micros, changed_at)
VALUES ($1, $2, $3)
    ON CONFLICT (business_id) DO UPDATE SET above_micros = excluded.above_micros, changed_at = excluded.changed_at

-- name: end_rule
-- The seller $1 wants no second person any more.
DELETE FROM approval_rule WHERE business_id = $1

-- name: ask
-- No row when the same was asked for before.
INSERT INTO approval (approval_id, business_id, environment, deed, amount_micros, content, asked_by, asked_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT DO NOTHING
RETURNING true

-- part: approval
-- With the names of both people.
SELECT approval.*, asker.name AS asker_name, asker.email AS asker_email, decider.name AS decider_name
  FROM approval
  JOIN party AS asker ON asker.party_id = asked_by
  LEFT JOIN party AS decider ON decider.party_id = decided_by
 WHERE approval.business_id = $1 AND approval.environment = $2

-- name: find
-- The one with the id $3.
/* part: approval */
   AND approval.approval_id = $3

-- name: latest
-- At most $3, the newest first.
/* part: approval */
 ORDER BY asked_at DESC, approval_id
 LIMIT $3

-- name: count_waiting
-- How many wait at the moment $3.
SELECT count(*) FROM approval WHERE business_id = $1 AND environment = $2 AND decision IS NULL AND expires_at > $3

-- name: decide
-- No row when it was decided or is over, or when the asker would approve. Of several at once, one gets it.
UPDATE approval SET decision = $2, decided_by = $3, decided_at = $4
 WHERE approval_id = $1 AND decision IS NULL AND expires_at > $4 AND ($2 = 'declined' OR asked_by <> $3)
RETURNING true

-- name: close
-- What came of it: $3, which are the books' words for a refusal where $4 says so.
UPDATE approval SET done_at = $2, result = $3, refused = $4
 WHERE approval_id = $1 AND decision = 'approved' AND done_at IS NULL
