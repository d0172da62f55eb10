-- Events of rails, each once. Read by rail_events.py. $1 and $2 are the rail and the event's id, except in `due`, `troubled`
-- and `forget`.

-- part: columns
-- What a RailEvent is made of.
rail, event_id, environment, object_kind, reference, idempotency_key, received_at, due_at, attempts, last_error

-- name: add
-- No row: it came before.
INSERT INTO rail_event (rail, event_id, environment, object_kind, reference, idempotency_key, received_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
    ON CONFLICT (rail, event_id) DO NOTHING
RETURNING 1

-- name: due
-- At most $2 whose objects should be looked at by $1, the longest waiting first.
SELECT /* part: columns */
  FROM rail_event WHERE due_at <= $1 ORDER BY due_at LIMIT $2

-- name: claim
-- With a lease until $4, unless another worker was quicker: $3 is when it was found due.
UPDATE rail_event SET due_at = $4, attempts = attempts + 1 WHERE rail = $1 AND event_id = $2 AND due_at = $3

-- name: put_off
-- Look at its object again at $3; $4 tells people why.
UPDATE rail_event SET due_at = $3, last_error = $4 WHERE rail = $1 AND event_id = $2

-- name: done
-- Its object was looked at; $3: what a person has to see to, if anything.
UPDATE rail_event SET due_at = NULL, last_error = $3 WHERE rail = $1 AND event_id = $2

-- name: troubled
-- At most $1 that could not be looked at yet, or that a person has to see to, the latest first.
SELECT /* part: columns */
  FROM rail_event WHERE last_error IS NOT NULL ORDER BY received_at DESC LIMIT $1

-- name: forget
-- Those that came before $1 and are done with.
DELETE FROM rail_event WHERE received_at < $1 AND due_at IS NULL
