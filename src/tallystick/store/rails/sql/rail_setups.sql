-- Buyers on their way to a rail and back. Read by rail_setups.py. $1 is the set-up's id, except in the last two.

-- part: columns
-- What a RailSetup is made of.
setup_id, party_id, environment, rail, method, reference, url, back_to, replaces_id, begun_at, ended_at, payment_method_id

-- name: begin
-- The rail is asked afterwards.
INSERT INTO rail_setup (setup_id, party_id, environment, rail, method, back_to, replaces_id, begun_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: started
-- What the rail calls it ($2), and where the buyer goes.
UPDATE rail_setup SET reference = $2, url = $3 WHERE setup_id = $1

-- name: find
-- No row: there is none.
SELECT /* part: columns */
  FROM rail_setup WHERE setup_id = $1

-- name: lock
-- The same, locked: it ends once.
SELECT /* part: columns */
  FROM rail_setup WHERE setup_id = $1 FOR UPDATE

-- name: end
-- At $2, with the means of payment $3 that was found, or with none.
UPDATE rail_setup SET ended_at = $2, payment_method_id = $3 WHERE setup_id = $1

-- name: by_reference
-- The set-up that the rail $1 calls $2.
SELECT /* part: columns */
  FROM rail_setup WHERE rail = $1 AND reference = $2

-- name: forget
-- Those that were begun before $1.
DELETE FROM rail_setup WHERE begun_at < $1
