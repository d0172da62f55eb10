-- Account holders, and how they sign in. Read by parties.py. $1 is the party, except where said otherwise.

-- part: columns
-- What a Party is made of.
party_id, kind, email, name, status, password_hash, marketplace, session_round,
       email_verified_at IS NOT NULL AS email_verified, created_at, language

-- name: create
-- A new one of kind $1.
INSERT INTO party (kind, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)
RETURNING /* part: columns */

-- name: verify_email
-- The operator knows the address of a seller.
UPDATE party SET email_verified_at = $2 WHERE party_id = $1

-- name: set_fee_schedule
-- Null: the standard one.
UPDATE party SET fee_schedule = $2 WHERE party_id = $1

-- name: chosen_fee_schedules
-- The schedules that some seller has instead of the standard one.
SELECT DISTINCT fee_schedule FROM party WHERE fee_schedule IS NOT NULL ORDER BY 1

-- name: set_standing
-- How far an account is known at $2 and what it may do; null leaves a thing as it is.
UPDATE party
   SET status = coalesce($3, status),
       email_verified_at = CASE $4::boolean WHEN true THEN coalesce(email_verified_at, $2)
                                            WHEN false THEN NULL ELSE email_verified_at END,
       verified_at = CASE $5::boolean WHEN true THEN coalesce(verified_at, $2)
                                      WHEN false THEN NULL ELSE verified_at END,
       receives_cards = coalesce($6, receives_cards), marketplace = coalesce($7, marketplace),
       denied = coalesce($8, denied)
 WHERE party_id = $1
RETURNING /* part: columns */

-- name: verify_bank_accounts
-- The party's present bank accounts are verified with it at $2 ($3), or are no longer.
UPDATE payment_method
   SET verified_at = CASE WHEN $3::boolean THEN coalesce(verified_at, $2) END
 WHERE party_id = $1 AND method = 'ACH' AND removed_at IS NULL

-- name: find
-- The party with the number $1.
SELECT /* part: columns */
  FROM party WHERE party_id = $1

-- name: find_by_email
-- By the address $1, in the form in which it is stored.
SELECT /* part: columns */
  FROM party WHERE email = $1

-- name: list
-- All, or those of kind $1, the oldest first.
SELECT /* part: columns */
  FROM party WHERE $1::text IS NULL OR kind = $1 ORDER BY party_id

-- name: rename
-- A person is called $2.
UPDATE party SET name = $2 WHERE party_id = $1 AND kind = 'personal' AND status <> 'closed'

-- name: renew_password_hash
-- From $2 to $3, unless it was replaced meanwhile.
UPDATE party SET password_hash = $3 WHERE party_id = $1 AND password_hash = $2

-- name: replace_password
-- Another password also ends the sessions of all browsers.
UPDATE party SET password_hash = $2, session_round = session_round + 1
 WHERE party_id = $1
RETURNING /* part: columns */

-- name: sign_out_everywhere
-- Sessions of earlier rounds have ended.
UPDATE party SET session_round = session_round + 1 WHERE party_id = $1

-- name: choose_language
-- By its code.
UPDATE party SET language = $2 WHERE party_id = $1
