-- Who works for whom, and who may use the operator's pages. Read by staff.py. $1 is the seller, except where
-- said otherwise.

-- part: post
-- Posts with the names of both sides.
SELECT staff.business_id, business.name AS business_name, staff.person_id, person.name AS person_name,
       person.email AS person_email, staff.role, staff.added_at
  FROM staff
  JOIN party AS business ON business.party_id = staff.business_id
  JOIN party AS person ON person.party_id = staff.person_id

-- name: posts_of
-- Those of the person $1, by the seller's name.
/* part: post */
 WHERE staff.person_id = $1 ORDER BY business.name, business_id

-- name: people_of
-- Those who work for a seller, in the order in which they joined.
/* part: post */
 WHERE staff.business_id = $1 ORDER BY added_at, person_id

-- name: post_of
-- What the person $2 does for a seller.
/* part: post */
 WHERE staff.business_id = $1 AND staff.person_id = $2

-- name: add
-- No row when the person has a role already.
INSERT INTO staff (business_id, person_id, role, added_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
RETURNING true

-- name: change_role
-- No row when the person is not of the staff.
UPDATE staff SET role = $3 WHERE business_id = $1 AND person_id = $2 RETURNING true

-- name: remove
-- No row when the person is not of the staff.
DELETE FROM staff WHERE business_id = $1 AND person_id = $2 RETURNING true

-- name: only_owner_of
-- Sellers without a password of their own whose only owner is the person $1.
SELECT business.name
  FROM staff
  JOIN party AS business ON business.party_id = staff.business_id
 WHERE staff.person_id = $1 AND staff.role = 'owner' AND business.password_hash IS NULL
   AND NOT EXISTS (SELECT FROM staff AS other
                    WHERE other.business_id = staff.business_id AND other.role = 'owner' AND other.person_id <> $1)
 ORDER BY business.name

-- name: lock
-- Changes of one seller's staff come one after the other.
SELECT 1 FROM party WHERE party_id = $1 FOR UPDATE

-- name: somebody_left
-- Whether somebody can decide for a seller: an owner, or whoever has its password.
SELECT EXISTS (SELECT FROM staff WHERE business_id = $1 AND role = 'owner')
    OR EXISTS (SELECT FROM party WHERE party_id = $1 AND password_hash IS NOT NULL)

-- name: is_operator
-- Whether the person $1 is one.
SELECT true FROM operator WHERE party_id = $1

-- name: add_operator
-- No row when the person $1 is one already.
INSERT INTO operator (party_id, added_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true

-- name: remove_operator
-- No row when the person $1 is none.
DELETE FROM operator WHERE party_id = $1 RETURNING true

-- name: operators
-- All of them, in the order in which they were added.
SELECT party_id, email, name, added_at FROM operator JOIN party USING (party_id) ORDER BY added_at, party_id

-- name: owns_any
-- Whether the person $1 is an owner somewhere.
SELECT EXISTS (SELECT FROM staff WHERE person_id = $1 AND role = 'owner')
