-- What is kept of a person ($1), and what goes when their account is closed. Read by personal_data.py, which knows what
-- those take that take something else. A test knows every table that names people, and fails when one is neither told nor
-- erased here without a reason.

-- name: tell_person
SELECT kind, email, name, status, language, created_at, email_verified_at, verified_at FROM party WHERE party_id = $1

-- name: tell_passkeys
SELECT name, synced, created_at, last_used_at FROM passkey WHERE party_id = $1 ORDER BY created_at

-- name: tell_authenticator_app
SELECT enrolled_at, (SELECT count(*) FROM recovery_code WHERE recovery_code.party_id = $1 AND used_at IS NULL) AS codes_left
  FROM second_factor WHERE second_factor.party_id = $1

-- name: tell_sessions
SELECT began_at, seen_at, expires_at, user_agent FROM web_session WHERE party_id = $1 ORDER BY began_at

-- name: tell_payment_methods
SELECT payment_method_id, environment, method, label, last_four, expires_on, created_at, verified_at, removed_at
  FROM payment_method WHERE party_id = $1 ORDER BY payment_method_id

-- name: tell_set_ups
-- Ways to a payment network and back, to set up a means of payment; they are forgotten after a while.
SELECT environment, rail, method, begun_at, ended_at FROM rail_setup WHERE party_id = $1 ORDER BY begun_at

-- name: tell_account_balances
SELECT book.environment, book.currency, -account.balance_micros AS balance_micros
  FROM account JOIN book USING (book_id)
 WHERE book.party_id IS NULL AND account.kind = 'balance_of' AND account.subject = $1::bigint::text

-- name: tell_agreements
-- What was agreed to, in the words that were shown.
SELECT authorization_id, wording, agreed_at, book_time, proved_at, proved_by, user_agent
  FROM authorization_evidence WHERE party_id = $1 ORDER BY agreed_at

-- name: tell_visits
-- Ways through the hosted pages.
SELECT caller.name AS seller, cobranded_visit.environment, pipeline, cobranded_visit.created_at, choices,
       cobranded_visit.status, answer, finished_at
  FROM cobranded_visit JOIN party AS caller ON caller.party_id = caller_party_id
 WHERE sender_party_id = $1 ORDER BY cobranded_visit.created_at

-- name: tell_letters
SELECT subject, written_at, sent_at
  FROM mail WHERE recipient = (SELECT email FROM party WHERE party_id = $1) ORDER BY mail_id

-- name: tell_codes_by_mail
SELECT purpose, email, created_at, expires_at, used_at FROM mailed_proof
 WHERE party_id = $1 OR email = (SELECT email FROM party WHERE party_id = $1) ORDER BY created_at

-- name: tell_notes_of_sellers
-- What a seller's staff wrote down about this person, and what this person wrote as one of them.
SELECT seller.name AS seller, customer_note.written_at, content
  FROM customer_note JOIN book USING (book_id) JOIN party AS seller ON seller.party_id = book.party_id
 WHERE customer_note.buyer_party_id = $1 OR customer_note.written_by = $1 ORDER BY customer_note.written_at

-- name: tell_staff_of
SELECT business.name AS seller, staff.role, staff.added_at
  FROM staff JOIN party AS business ON business.party_id = staff.business_id
 WHERE staff.person_id = $1 ORDER BY staff.added_at

-- name: tell_invitations
SELECT business.name AS seller, staff_invitation.email, staff_invitation.role, invited_at, expires_at
  FROM staff_invitation JOIN party AS business ON business.party_id = staff_invitation.business_id
 WHERE staff_invitation.email = (SELECT email FROM party WHERE party_id = $1) OR invited_by = $1 ORDER BY invited_at

-- name: tell_operator
SELECT added_at FROM operator WHERE party_id = $1

-- name: tell_done_in_consoles
SELECT at, action, subject, details FROM audit_entry WHERE actor_id = $1 ORDER BY audit_id

-- name: tell_access_keys
SELECT access_key_id, environment, created_at, expires_at, revoked_at, access_key_use.used_at
  FROM access_key LEFT JOIN access_key_use USING (access_key_id) WHERE party_id = $1 ORDER BY created_at

-- name: tell_certificates
SELECT fingerprint, environment, created_at, expires_at, revoked_at FROM certificate WHERE party_id = $1

-- name: tell_looks
SELECT display_name, accent, support_link, changed_at, logo.digest AS logo
  FROM branding LEFT JOIN logo USING (party_id) WHERE party_id = $1

-- name: address
-- By which tables name the person that have no party_id.
SELECT email FROM party WHERE party_id = $1

-- name: erase_passkeys
DELETE FROM passkey WHERE party_id = $1

-- name: erase_authenticator_app
-- The rows of recovery_code go with it.
DELETE FROM second_factor WHERE party_id = $1

-- name: erase_sessions
DELETE FROM web_session WHERE party_id = $1

-- name: erase_letters
-- To the address $1, looked up before: Citus would look for this table, which it does not know, where `party` is.
DELETE FROM mail WHERE recipient = $1

-- name: erase_codes_by_mail
-- $2: the address.
DELETE FROM mailed_proof WHERE party_id = $1 OR email = $2

-- name: erase_notes_of_sellers
DELETE FROM customer_note WHERE buyer_party_id = $1

-- name: erase_staff
DELETE FROM staff WHERE person_id = $1

-- name: erase_invitations
-- Sent to the address $1.
DELETE FROM staff_invitation WHERE email = $1

-- name: erase_operator
DELETE FROM operator WHERE party_id = $1

-- name: erase_payment_methods
-- At $2. The rail's token stays: refunds of what was paid still have to find their way.
UPDATE payment_method SET label = 'Removed', last_four = '0000', expires_on = NULL, removed_at = coalesce(removed_at, $2)
 WHERE party_id = $1

-- name: erase_set_ups
DELETE FROM rail_setup WHERE party_id = $1

-- name: erase_visits
-- The seller's answer stays, less the address in it: it may be asked for again.
UPDATE cobranded_visit
   SET choices = '{}',
       answer = (SELECT jsonb_object_agg(key, value) FROM jsonb_each(answer)
                  WHERE key NOT LIKE 'address%' AND key NOT IN ('city', 'state', 'zip', 'country', 'phoneNumber'))
 WHERE sender_party_id = $1

-- name: erase_device_of_agreements
-- What was agreed to is the seller's evidence, too, and stays; its delivery address for as long as forgetting.py says.
-- With its salt, so that nobody can try what the digest in the chain was made of.
UPDATE authorization_evidence SET user_agent = '', client_digest = NULL, device_salt = NULL
 WHERE party_id = $1

-- name: erase_subject_of_deeds
-- What was done to the account stays, less the address $2 by which the log names it.
UPDATE audit_entry SET subject = 'closed-' || $1::bigint || '@closed.invalid', subject_salt = NULL WHERE subject = $2

-- name: erase_waiting_messages
-- Notifications that no receiver has taken yet are built anew for their next try, without name and address.
UPDATE outbox SET message = NULL
 WHERE state IN ('waiting', 'dead') AND message IS NOT NULL
   AND book_id IN (SELECT book_id FROM token WHERE sender_party_id = $1)
   AND EXISTS (
       SELECT FROM transaction
         LEFT JOIN transaction AS original
           ON original.book_id = transaction.book_id AND original.transaction_id = transaction.original_id
         LEFT JOIN account
           ON account.book_id = transaction.book_id AND account.account_id = transaction.own_debit_account
         LEFT JOIN instrument
           ON instrument.book_id = transaction.book_id
          AND instrument.instrument_id = coalesce(transaction.instrument_id, account.subject COLLATE "C")
         LEFT JOIN token
           ON token.book_id = transaction.book_id
          AND token.token_id IN (transaction.sender_token_id, original.sender_token_id)
        WHERE transaction.book_id = outbox.book_id AND transaction.transaction_id = outbox.subject_id
          AND (instrument.sender_party_id = $1 OR token.sender_party_id = $1))

-- name: erase_person
UPDATE party SET status = 'closed', email = 'closed-' || party_id::text || '@closed.invalid', name = 'Closed account',
       password_hash = NULL, session_round = session_round + 1,
       email_verified_at = NULL, language = NULL
 WHERE party_id = $1

-- name: living_tokens
-- What was authorized and not cancelled, over all books. Not told: it is to be cancelled before the account closes.
SELECT book_id, token_id
  FROM token
 WHERE sender_party_id = $1 AND cancelled_at IS NULL
 ORDER BY book_id, token_id
