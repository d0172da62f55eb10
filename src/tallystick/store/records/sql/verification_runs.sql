-- Proofs of the books. Read by verification_runs.py. $1 is the run, except where said otherwise.

-- part: run
-- Runs with who asked for them.
SELECT run_id, asked_at, party.email AS asked_by_email, started_at, finished_at, failure, problems, unexplained_micros,
       report
  FROM verification_run LEFT JOIN party ON party.party_id = asked_by

-- name: ask
-- No row when one waits or runs: an index allows one that is not finished.
INSERT INTO verification_run (asked_at, asked_by, due_at)
VALUES ($1, $2, $1)
    ON CONFLICT DO NOTHING
RETURNING true

-- name: last_asked_at
-- When the newest run was asked for.
SELECT asked_at FROM verification_run ORDER BY run_id DESC LIMIT 1

-- name: claim
-- Claim the one that is due at $1, with a lease until $2.
UPDATE verification_run
   SET due_at = $2, started_at = $1
 WHERE finished_at IS NULL AND due_at <= $1
RETURNING run_id

-- name: hold
-- Renew the lease, until $2.
UPDATE verification_run SET due_at = $2 WHERE run_id = $1 AND finished_at IS NULL

-- name: finish
-- With a result.
UPDATE verification_run
   SET due_at = NULL, finished_at = $2, problems = $3, unexplained_micros = $4, report = $5
 WHERE run_id = $1 AND finished_at IS NULL

-- name: give_up
-- Without a result.
UPDATE verification_run
   SET due_at = NULL, finished_at = $2, failure = $3
 WHERE run_id = $1 AND finished_at IS NULL

-- name: latest
-- At most $1, the newest first, before the run $2 (null: from the newest on).
/* part: run */
 WHERE $2::bigint IS NULL OR run_id < $2 ORDER BY run_id DESC LIMIT $1

-- name: latest_result
-- The newest that came to one.
/* part: run */
 WHERE problems IS NOT NULL ORDER BY run_id DESC LIMIT 1

-- name: find
-- The run with the number $1.
/* part: run */
 WHERE run_id = $1
