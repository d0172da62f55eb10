-- Every statement of the money path. Each names one book ($1), so that it runs on one machine of a cluster, and takes
-- arrays, so that it runs once per group however many commands the group has. Read by statements.py, which puts parts in
-- where they are named. Payments from instruments need two of them: read_optimistically and apply_payments. The version
-- of what they read is checked while they write. All else locks first: lock, load and apply. decisions/013 tells why.

-- part: known
-- What is known of one reference. The limit, of one row at most, has each looked up by the key: without statistics of the
-- table a join may be planned the other way round, through all references of the book.
SELECT * FROM answered_reference WHERE book_id = $1 AND reference_digest = /* part: reference_digest */ LIMIT 1

-- part: asked_token
-- One of the tokens that are asked for, with the limit for the same reason.
SELECT token.*, token.xmin AS version FROM token WHERE token.book_id = $1 AND token.token_id = asked.token_id LIMIT 1

-- part: answer
-- How a reference was answered. Without a fingerprint where that was too long ago to be told again: it is spent.
ROW(caller_reference, CASE WHEN answered_at > since THEN fingerprint END, transaction_id, status, refusal,
    message)::answer_values

-- part: still_counts
-- Of what was answered long ago, refusals are forgotten and so are, where a setting says so (`reuse`), the rest.
(answered_at > since OR (transaction_id IS NOT NULL OR reuses IS NOT NULL) AND NOT reuse)

-- part: columns_of_transaction
-- All that decides about a transaction that is there already.
transaction_id, operation, status, coalesce(status_code, 'Success') AS status_code, status_message,
coalesce(status_number, 1) AS status_number, amount_micros, coalesce(fee_micros, 0) AS fee_micros,
coalesce(fee_payer, 'Recipient') AS fee_payer, coalesce(fee_refunded_micros, 0) AS fee_refunded_micros,
coalesce(marketplace_fee_micros, 0) AS marketplace_fee_micros,
coalesce(marketplace_refunded_micros, 0) AS marketplace_refunded_micros,
coalesce(refunded_micros, 0) AS refunded_micros, payment_method,
sender_party_id, /* part: paid_with */ AS sender_token_id, /* part: paid_from */ AS instrument_id, recipient_party_id, recipient_token_id, original_id,
caller_reference, caller_description, sender_description, notification_url, requested_at, received_at, completed_at,
reserved_until, times_out_at, coalesce(disputed_micros, 0) AS disputed_micros

-- part: columns_of_values
-- The columns of a new transaction with its book: those of the type transaction_values, in its order.
book_id, transaction_id, operation, status, status_code, status_message, amount_micros, fee_micros, refunded_micros,
payment_method, sender_party_id, sender_token_id, instrument_id, original_id, caller_reference, caller_description,
sender_description, notification_url, requested_at, received_at, completed_at, recipient_party_id, recipient_token_id,
fee_payer, marketplace_fee_micros, times_out_at

-- part: rules_of_book
-- The rules of the book and its owner, in one value.
SELECT ROW(book.party_id, book.environment, book.minimum_charge_micros, book.clock_offset_seconds,
           book.notification_url, coalesce(owner.status = 'active', true),
           owner.email_verified_at IS NOT NULL, owner.verified_at IS NOT NULL,
           coalesce(owner.receives_cards, true), coalesce(owner.marketplace, true),
           coalesce(owner.denied, false), owner.fee_schedule, book.parts)::book_rules
  FROM book LEFT JOIN party AS owner USING (party_id)
 WHERE book.book_id = $1

-- name: read_optimistically
-- What payments from instruments need to know: a row for each of their tokens ($2), with its sender and its instrument. The
-- row of one of them ($3) has, besides, the rules of the book and its owner, and the keys ($4) that signed them as they
-- are now, and how references ($5) were answered since $6, or spent before ($7: as if they were free again). Nothing is
-- locked: `version` is what the account must still be when it is charged, and whoever changes an instrument or its tokens
-- makes a new version of their account. decode.py takes the columns in this order; a test compares their names. An instrument's beginning is
-- sent where it is not its token's: moments are the dearest of all to read.
SELECT token.token_id, token.purpose, token.instrument_id, token.sender_party_id,
       party.status = 'active' AS sender_active, token.caller_reference, token.payment_reason, token.valid_from,
       token.expires_at, token.cancelled_at, token.usage_limits::text, token.token_type, token.friendly_name,
       token.old_token_id, token.terms::text, token.instruction, token.used_by,
       party.email_verified_at IS NOT NULL AS email_verified, party.verified_at IS NOT NULL AS account_verified,
       party.receives_cards, party.marketplace, party.denied,
       instrument.kind AS instrument_kind, instrument.sender_party_id AS instrument_sender_id, account.balance_micros,
       instrument.limit_micros, instrument.pending_micros,
       nullif(instrument.valid_from, token.valid_from) AS instrument_valid_from,
       instrument.expires_at AS instrument_expires_at, instrument.total_limit_micros, instrument.charged_micros,
       instrument.account_id, account.xmin AS version, account.terms_version, token.version AS token_version,
       instrument.xmin AS instrument_version, party.xmin AS party_version,
       CASE WHEN token.token_id = $3 THEN (/* part: rules_of_book */) END AS book,
       CASE WHEN token.token_id = $3 THEN ARRAY(
           SELECT /* part: answer */
             FROM unnest($5::text[]) AS asked (caller_reference)
            CROSS JOIN LATERAL (/* part: known */) AS answered
            CROSS JOIN (SELECT $6::timestamptz + clock_offset_seconds * interval '1 second' AS since, $7::boolean AS reuse
                          FROM book WHERE book.book_id = $1) AS own
            WHERE /* part: still_counts */
       ) END AS answers,
       CASE WHEN token.token_id = $3 THEN ARRAY(/* part: terms_of_keys */) END AS keys,
       CASE WHEN token.token_id = $3 THEN (SELECT charge_events FROM book WHERE book.book_id = $1) END AS charge_events,
       CASE WHEN token.token_id = $3 THEN (SELECT one_row_payments FROM book WHERE book.book_id = $1) END
           AS one_row_payments,
       CASE WHEN token.token_id = $3 THEN pg_postmaster_start_time() END AS server_started_at
  FROM unnest($2::text[]) AS asked (token_id)
 CROSS JOIN LATERAL (/* part: asked_token */) AS token
  JOIN party ON party.party_id = token.sender_party_id
  JOIN instrument ON instrument.book_id = $1 AND instrument.instrument_id = token.instrument_id
  JOIN account ON account.book_id = $1 AND account.account_id = instrument.account_id

-- name: read_refunded
-- What refunds of payments from instruments need to know: a row for each of these payments ($2), with its instrument. The row of
-- one of them ($3) has, besides, the rules of the book and its owner, the keys ($4) that signed refunds as they are now, and how
-- references ($5) were answered since $6, or spent before ($7: as if they were free again). Nothing is locked: the versions are
-- what payment and account, or instrument and its account's terms, must still be when the refund is written.
SELECT refunded.*,
       instrument.kind AS instrument_kind, instrument.sender_party_id AS instrument_sender_id, instrument.limit_micros,
       instrument.total_limit_micros, instrument.charged_micros, instrument.pending_micros,
       instrument.valid_from AS instrument_valid_from, instrument.expires_at AS instrument_expires_at,
       instrument.account_id, account.balance_micros, coalesce(instrument.uncovered_micros, 0) AS uncovered_micros,
       account.xmin AS account_version, account.terms_version, instrument.xmin AS instrument_version,
       CASE WHEN refunded.transaction_id = $3 THEN (/* part: rules_of_book */) END AS book,
       CASE WHEN refunded.transaction_id = $3 THEN ARRAY(/* part: terms_of_keys */) END AS keys,
       CASE WHEN refunded.transaction_id = $3 THEN ARRAY(
           SELECT /* part: answer */
             FROM unnest($5::text[]) AS asked (caller_reference)
            CROSS JOIN LATERAL (/* part: known */) AS answered
            CROSS JOIN (SELECT $6::timestamptz + clock_offset_seconds * interval '1 second' AS since, $7::boolean AS reuse
                          FROM book WHERE book.book_id = $1) AS own
            WHERE /* part: still_counts */
       ) END AS answers
  FROM unnest($2::text[]) AS asked (transaction_id)
 CROSS JOIN LATERAL (SELECT /* part: columns_of_transaction */, xmin AS payment_version
                       FROM transaction
                      WHERE transaction.book_id = $1 AND transaction.transaction_id = asked.transaction_id
                      LIMIT 1) AS refunded
  JOIN instrument ON instrument.book_id = $1 AND instrument.instrument_id = refunded.instrument_id
  JOIN account ON account.book_id = $1 AND account.account_id = instrument.account_id

-- name: lock
-- Lock the accounts of the instruments that the group names, in id order: itself ($2), by its tokens ($3), by transactions
-- ($4). The account's lock also guards instrument, tokens and transactions: nobody changes those without it.
-- The answer is the book's rules, its owner, the part of the operator's book that mirrors it, the one that has people's
-- balances, and the instruments that were found.
WITH wanted AS (
    SELECT unnest($2::text[]) COLLATE "C" AS instrument_id
    UNION SELECT token.instrument_id
            FROM unnest($3::text[]) AS asked (token_id) CROSS JOIN LATERAL (/* part: asked_token */) AS token
    UNION SELECT /* part: paid_from */
            FROM transaction WHERE transaction.book_id = $1 AND transaction.transaction_id = ANY($4::text[])
), locked AS (
    SELECT instrument.instrument_id
      FROM instrument
      JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
     WHERE instrument.book_id = $1 AND instrument.instrument_id IN (SELECT instrument_id FROM wanted)
     ORDER BY account.account_id
       FOR UPDATE OF account
)
SELECT book.book_id, book.party_id, book.environment, book.minimum_charge_micros, book.clock_offset_seconds,
       book.notification_url, book.charge_events, operator.book_id AS operator_book_id,
       balances.book_id AS balances_book_id, coalesce(party.status = 'active', true) AS seller_active,
       party.email_verified_at IS NOT NULL AS email_verified, party.verified_at IS NOT NULL AS account_verified,
       coalesce(party.receives_cards, true) AS receives_cards, coalesce(party.marketplace, true) AS marketplace,
       coalesce(party.denied, false) AS denied, party.fee_schedule, book.parts,
       ARRAY(SELECT instrument_id FROM locked) AS instrument_ids
  FROM book
  LEFT JOIN party USING (party_id)
  LEFT JOIN book AS operator
         ON operator.party_id IS NULL AND operator.environment = book.environment AND operator.currency = book.currency
        AND operator.part = book.operator_part
  LEFT JOIN book AS balances
         ON balances.party_id IS NULL AND balances.environment = book.environment AND balances.currency = book.currency
        AND balances.part = 0
 WHERE book.book_id = $1

-- name: lock_tokens
-- Lock tokens ($2, in the order of their ids) that have no instrument whose lock would guard them. `IS NULL` would be a way through an index by
-- instruments, and with it through all such tokens of the book.
SELECT token.token_id
  FROM unnest($2::text[]) AS asked (token_id)
 CROSS JOIN LATERAL (SELECT token.token_id FROM token
                      WHERE token.book_id = $1 AND token.token_id = asked.token_id
                        AND coalesce(token.instrument_id, '') = ''
                      LIMIT 1
                        FOR UPDATE) AS token

-- name: load
-- What the group names, as fresh as the locks. A row for each token ($2), with the state of its sender and of the card or
-- bank account behind it, and with its instrument; one row of nothings where there is no token. The first row has, besides,
-- how the references ($3) were answered since $4, or spent before ($6: as if they were free again), and which tokens the
-- token references ($5) name already. Plain columns: a composite value is several times as dear to send, and one
-- without a type of its own can be read on the machine that made it, no further.
SELECT token.token_id, token.purpose, token.token_type, token.instrument_id, token.sender_party_id,
       token.caller_reference, token.friendly_name, token.old_token_id, token.payment_method, token.payment_method_id,
       token.payment_reason, token.terms::text, token.usage_limits::text, token.instruction, token.used_by,
       token.valid_from, token.expires_at, token.cancelled_at, party.status = 'active' AS sender_active,
       payment_method.rail, payment_method.expires_on, payment_method.removed_at IS NOT NULL AS removed,
       payment_method.verified_at IS NOT NULL AS method_verified,
       party.email_verified_at IS NOT NULL AS email_verified, party.verified_at IS NOT NULL AS account_verified,
       party.receives_cards, party.marketplace, party.denied,
       instrument.kind AS instrument_kind, instrument.sender_party_id AS instrument_sender_id,
       instrument.limit_micros, instrument.total_limit_micros, instrument.charged_micros, instrument.pending_micros,
       instrument.valid_from AS instrument_valid_from, instrument.expires_at AS instrument_expires_at,
       instrument.account_id, account.balance_micros, coalesce(instrument.uncovered_micros, 0) AS uncovered_micros,
       CASE WHEN row_number() OVER () = 1 THEN ARRAY(
           SELECT /* part: answer */
             FROM unnest($3::text[]) AS asked (caller_reference)
            CROSS JOIN LATERAL (/* part: known */) AS answered
            CROSS JOIN (SELECT $4::timestamptz AS since, $6::boolean AS reuse) AS own
            WHERE /* part: still_counts */
       ) END AS answers,
       CASE WHEN row_number() OVER () = 1 THEN ARRAY(
           SELECT ARRAY[named.caller_reference, named.token_id]
             FROM unnest($5::text[]) AS asked (caller_reference)
            CROSS JOIN LATERAL (SELECT * FROM token
                                 WHERE token.book_id = $1 AND token.caller_reference = asked.caller_reference
                                 LIMIT 1) AS named
       ) END AS token_references
  FROM (VALUES (true)) AS always
  LEFT JOIN (SELECT token.*
               FROM unnest($2::text[]) AS asked (token_id)
              CROSS JOIN LATERAL (/* part: asked_token */) AS token) AS token ON true
  LEFT JOIN party ON party.party_id = token.sender_party_id
  LEFT JOIN payment_method ON payment_method.payment_method_id = token.payment_method_id
  LEFT JOIN instrument ON instrument.book_id = $1 AND instrument.instrument_id = token.instrument_id
  LEFT JOIN account ON account.book_id = $1 AND account.account_id = instrument.account_id

-- name: load_instruments
-- Instruments ($2) that no token of the group names.
SELECT instrument.instrument_id, instrument.kind AS instrument_kind,
       instrument.sender_party_id AS instrument_sender_id, instrument.limit_micros, instrument.total_limit_micros,
       instrument.charged_micros, instrument.pending_micros, instrument.valid_from AS instrument_valid_from,
       instrument.expires_at AS instrument_expires_at, instrument.account_id, account.balance_micros,
       coalesce(instrument.uncovered_micros, 0) AS uncovered_micros
  FROM unnest($2::text[]) AS asked (instrument_id)
 CROSS JOIN LATERAL (SELECT * FROM instrument
                      WHERE instrument.book_id = $1 AND instrument.instrument_id = asked.instrument_id
                      LIMIT 1) AS instrument
  JOIN account ON account.book_id = $1 AND account.account_id = instrument.account_id

-- name: load_transactions
-- Transactions that a command names, locked in id order: those without an instrument have no other guard.
SELECT /* part: columns_of_transaction */
  FROM transaction
 WHERE book_id = $1 AND transaction_id = ANY($2::text[])
 ORDER BY transaction_id
   FOR UPDATE

-- name: load_unasked
-- Rail requests of these transactions that no worker has taken up yet, locked so that none does now.
SELECT transaction_id, operation FROM rail_request
 WHERE book_id = $1 AND transaction_id = ANY($2::text[]) AND attempts = 0
   FOR UPDATE

-- name: load_payouts
-- By which rails the payouts $2 go. Their transactions are locked already.
SELECT transaction_id, rail FROM payout WHERE book_id = $1 AND transaction_id = ANY($2::text[])

-- name: load_rail_uses
-- The rail and the card or bank account by which these transactions were paid.
SELECT transaction_id, rail, payment_method_id FROM rail_operation
 WHERE book_id = $1 AND transaction_id = ANY($2::text[]) AND operation IN ('charge', 'authorize')
   AND payment_method_id IS NOT NULL

-- name: load_returned
-- Which of these transactions a rail was asked to give back although they had come to nothing. They are locked already.
SELECT transaction_id FROM rail_operation
 WHERE book_id = $1 AND transaction_id = ANY($2::text[]) AND operation = 'return'

-- name: load_recorded
-- Refunds that rails ($2) call so ($3). The payments that they give back are locked already.
SELECT transaction_id, rail, reference FROM rail_operation
 WHERE book_id = $1 AND operation = 'refund' AND reference = ANY($3::text[])
   AND (rail, reference) IN (SELECT * FROM unnest($2::text[], $3::text[]))

-- name: load_sellers
-- Other sellers who take part as recipients, with their books in the environment of this book ($1).
SELECT book.party_id, book.book_id, party.status = 'active' AS active,
       party.email_verified_at IS NOT NULL AS email_verified, party.verified_at IS NOT NULL AS account_verified,
       party.receives_cards, party.marketplace, party.denied
  FROM book AS own
  JOIN book ON book.environment = own.environment AND book.currency = own.currency AND book.part = 0
  JOIN party ON party.party_id = book.party_id
 WHERE own.book_id = $1 AND book.party_id = ANY($2::bigint[])

-- name: lock_accounts
-- Lock accounts in id order and read their balances.
SELECT account_id, balance_micros FROM account
 WHERE book_id = $1 AND account_id = ANY($2::bigint[])
 ORDER BY account_id
   FOR UPDATE

-- name: ensure_accounts
-- Make accounts that come into being with their first movement.
INSERT INTO account (book_id, account_id, kind, subject, floor_micros, ceiling_micros)
SELECT $1, new.* FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS new
    ON CONFLICT (book_id, account_id) DO NOTHING

-- name: insert_instruments
INSERT INTO instrument (book_id, instrument_id, kind, account_id, sender_party_id, limit_micros, total_limit_micros,
                        charged_micros, pending_micros, valid_from, expires_at, created_at)
SELECT $1, new.*, $12::timestamptz
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::bigint[], $10::timestamptz[], $11::timestamptz[]) AS new

-- name: insert_tokens
INSERT INTO token (book_id, token_id, purpose, token_type, instrument_id, sender_party_id, caller_reference,
                   friendly_name, old_token_id, payment_method, payment_method_id, payment_reason, terms, usage_limits,
                   instruction, valid_from, expires_at, created_at)
SELECT $1, token_id, purpose, token_type, instrument_id, sender_party_id, caller_reference, friendly_name, old_token_id,
       payment_method, payment_method_id, payment_reason, terms::jsonb, usage_limits::jsonb, instruction, valid_from,
       expires_at, $18::timestamptz
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
              $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::timestamptz[],
              $17::timestamptz[])
       AS new (token_id, purpose, token_type, instrument_id, sender_party_id, caller_reference, friendly_name,
               old_token_id, payment_method, payment_method_id, payment_reason, terms, usage_limits, instruction,
               valid_from, expires_at)

-- part: moved_totals
-- The totals that a group moves ($4), after the accounts of instruments.
moved_totals AS (
    UPDATE account SET balance_micros = account.balance_micros + new.delta_micros
      FROM unnest($4) AS new
     WHERE account.book_id = $1 AND account.account_id = new.account_id AND new.account_id < 1::bigint << 62
       AND (SELECT count(*) FROM moved_first) >= 0
    RETURNING 1
)

-- part: moved
-- What a group moves on each account ($4), in the order in which all groups lock them: those of instruments by number, then
-- the totals. These wait for those, for a plan may go through a small book by the index of its accounts as well as through
-- the array: both have instruments in the order of their numbers, but the index begins with the totals. Which of the two a
-- change is about is asked of the change, not of the account: else the planner takes the totals of a book, or all accounts of
-- a small one, for so few that it reads all of them and compares each with each change. Where a change has
-- a version, the account must be as it was when that was read; else it is not moved, and missing from the count.
moved_first AS (
    UPDATE account SET balance_micros = account.balance_micros + new.delta_micros
      FROM unnest($4::balance_change[]) AS new
     WHERE account.book_id = $1 AND account.account_id = new.account_id AND new.account_id >= 1::bigint << 62
       AND (new.version IS NULL OR account.xmin = new.version)
    RETURNING 1
), /* part: moved_totals */

-- part: moved_with_terms
-- The same of groups that have locked, which say of which accounts ($13) an instrument or its tokens change.
moved_first AS (
    UPDATE account
       SET balance_micros = account.balance_micros + new.delta_micros,
           terms_version = account.terms_version + (account.account_id = ANY($13::bigint[]))::int
      FROM unnest($4::balance_change[]) AS new
     WHERE account.book_id = $1 AND account.account_id = new.account_id AND new.account_id >= 1::bigint << 62
       AND (new.version IS NULL OR account.xmin = new.version)
    RETURNING 1
), /* part: moved_totals */

-- part: moved_as_remembered
-- Whether an account is one that payments from memory move (`new`): others may have moved the balance meanwhile, but it must
-- cover this (or the limit of a tab, which is its account's ceiling), and the terms must be those that are remembered. Whoever
-- waits for the account finds both as they are then.
account.book_id = $1 AND account.account_id = new.account_id AND new.account_id >= 1::bigint << 62
AND account.terms_version = new.terms_version
AND (account.balance_micros + new.delta_micros <= account.ceiling_micros) IS NOT FALSE
AND (account.balance_micros + new.delta_micros >= account.floor_micros) IS NOT FALSE

-- part: patience
patience AS MATERIALIZED (
    SELECT set_config('lock_timeout', $11, true)
)

-- part: moved_sales
-- The account of sales (2), by what all of them come to ($12), once those of instruments ($4) are moved.
moved_totals AS (
    UPDATE account SET balance_micros = account.balance_micros - $12::bigint
     WHERE account.book_id = $1 AND account.account_id = 2
       AND (SELECT count(*) FROM moved_first) = cardinality($4)
    RETURNING 1
)

-- part: moved_from_memory
-- The same of payments that were decided from memory, which move accounts of instruments ($4), and that of sales (2) by what all of
-- them come to ($12), once all of those are moved. Nobody waits longer than $11.
/* part: patience */, moved_first AS (
    UPDATE account SET balance_micros = account.balance_micros + new.delta_micros
      FROM unnest($4::remembered_change[]) AS new
     WHERE EXISTS (SELECT FROM patience)
       AND /* part: moved_as_remembered */
    RETURNING 1
), /* part: moved_sales */

-- part: all_moved
(SELECT count(*) FROM moved_first) + (SELECT count(*) FROM moved_totals) = cardinality($4)

-- part: insert_payments
    INSERT INTO transaction (book_id, transaction_id, operation, status, status_code, status_message, amount_micros,
                             payment_method, sender_party_id, sender_token_id, instrument_id, caller_reference,
                             caller_description, sender_description, notification_url, requested_at, received_at,
                             completed_at, own_debit_account, fee_payer, status_number, fee_micros, refunded_micros,
                             marketplace_fee_micros, marketplace_refunded_micros, fee_refunded_micros)
    SELECT $1, transaction_id, ($3::payment_kind).operation, ($3).status, ($3).status_code, ($3).status_message,
           amount_micros, payment_method, sender_party_id, sender_token_id, instrument_id, caller_reference,
           caller_description, sender_description, notification_url, requested_at, $6::timestamptz, $6::timestamptz,
           CASE WHEN ($3).sales_account IS NULL THEN account_id END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 'Recipient' END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 1 END, CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END, CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END

-- part: new_payments
-- Payments from instruments ($2), each of which is a transaction and an answer; $3 is what they have in common. Where that
-- names the account of the seller's sales, each is also a row of `transfer` to there; else its only transfer stands in its own
-- row, where what is usual is null, as is the status of its answer. $6 is the book's time.
-- A reference that was answered before, however long ago, makes the statement fail: they are seldom used again.
new_transactions AS (
    /* part: insert_payments */
      FROM unnest($2::payment_values[])
), new_transfers AS (
    INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
    SELECT $1, transaction_id, 1, account_id, ($3).sales_account, amount_micros, $6
      FROM unnest($2) WHERE ($3).sales_account IS NOT NULL
)

-- part: answers_of_payments
SELECT caller_reference, fingerprint, transaction_id,
       CASE WHEN ($3).sales_account IS NOT NULL THEN ($3).status END AS status, NULL AS refusal, NULL AS message
  FROM unnest($2)

-- part: new_answers
-- With those of payments that were refused ($5).
answers AS (
    INSERT INTO answered_reference (book_id, reference_digest, fingerprint, transaction_id, status, refusal, message,
                                    answered_at)
    SELECT $1, /* part: reference_digest */, fingerprint, transaction_id, status, refusal, message, $6
      FROM (/* part: answers_of_payments */
            UNION ALL SELECT * FROM unnest($5::answer_values[])) AS new
)

-- part: insert_answers
    INSERT INTO answered_reference (book_id, reference_digest, fingerprint, transaction_id, status, answered_at)
    SELECT $1, /* part: reference_digest */, fingerprint, transaction_id,
           CASE WHEN ($3).sales_account IS NOT NULL THEN ($3).status END, $6

-- part: new_answers_from_memory
-- From memory none is refused.
answers AS (
    /* part: insert_answers */
      FROM unnest($2)
)

-- part: payments
WITH /* part: moved */, /* part: new_payments */, /* part: new_answers */

-- part: more
-- What a decision can change of instruments beside the balance ($7) and of tokens ($8), which wait for the accounts that
-- guard them; events ($9). $10 is real time, by which notifications are tried.
changed_instruments AS (
    UPDATE instrument SET charged_micros = new.charged_micros, pending_micros = new.pending_micros
      FROM unnest($7::instrument_change[]) AS new
     WHERE instrument.book_id = $1 AND instrument.instrument_id = new.instrument_id
       AND (SELECT count(*) FROM moved_first) >= 0
), changed_tokens AS (
    UPDATE token
       SET usage_limits = new.usage_limits::jsonb, cancelled_at = new.cancelled_at, used_by = new.used_by
      FROM unnest($8::token_change[]) AS new
     WHERE token.book_id = $1 AND token.token_id = new.token_id
       AND (SELECT count(*) FROM moved_first) >= 0
), events AS (
    INSERT INTO outbox (book_id, event_id, kind, subject_id, status, status_code, notification_url, destination,
                        occurred_at, announced_at, due_at, state)
    SELECT $1, new.*, $6::timestamptz, $10::timestamptz, $10::timestamptz, 'waiting'
      FROM unnest($9::event_values[]) AS new
)

-- part: all_payments_or_nothing
-- 1 where everything was written; else the division fails, and with it all that the statement did.
SELECT 1 / (/* part: all_moved */)::int

-- name: apply_payments
-- All that a group of payments from balances writes where nobody wants to hear of them.
/* part: payments */
/* part: all_payments_or_nothing */

-- name: apply_payments_and_more
-- All that any group of payments from instruments writes, with what of it gets a number as an event ($11).
/* part: payments */, /* part: more */, queued AS (
    INSERT INTO event_queue (book_id, subject_id, name, number, type, status, status_code, occurred_at, queued_at)
    SELECT $1, new.*, $6::timestamptz, $10::timestamptz FROM unnest($11::queued_event_values[]) AS new
        ON CONFLICT (book_id, subject_id, name) DO NOTHING
)
/* part: all_payments_or_nothing */

-- part: same_token
SELECT FROM token
 WHERE token.book_id = $1 AND token.token_id = known.token_id AND token.xmin = known.token_version

-- part: same_instrument
SELECT FROM instrument
 WHERE instrument.book_id = $1 AND instrument.instrument_id = known.instrument_id
   AND (instrument.xmin = known.instrument_version) IS NOT FALSE

-- part: same_sender
SELECT FROM party
 WHERE party.party_id = known.party_id AND party.xmin = known.party_version

-- part: same_book
-- With its owner.
EXISTS (SELECT FROM book
          JOIN party AS owner ON owner.party_id = book.party_id
         WHERE book.book_id = $1 AND book.xmin = $5::xid AND owner.xmin = $8::xid)

-- part: as_remembered
-- Whether all that payments were decided by is still as it is remembered: tokens with their instruments and senders ($7), the
-- versions of the book ($5) and its owner ($8), and the keys that signed them, with theirs ($9). What is not here has another
-- guard: the accounts their own, references their key, and so have tabs (charged_tabs): payments change them, and the version of
-- theirs is null. Versions are numbers of transactions: a server that takes the place of another, or goes on from a backup, gives
-- those anew that it has not seen, so that it must be the one ($10) that told them.
pg_postmaster_start_time() = $10
AND (SELECT count(*)
   FROM unnest($7::remembered_token[]) AS known
  CROSS JOIN LATERAL (/* part: same_token */ LIMIT 1) AS same_token
  CROSS JOIN LATERAL (/* part: same_instrument */ LIMIT 1) AS same_instrument
  CROSS JOIN LATERAL (/* part: same_sender */ LIMIT 1) AS same_sender) = cardinality($7)
AND /* part: same_book */
AND (SELECT count(*)
       FROM unnest($9::remembered_key[]) AS known
       JOIN access_key AS key ON key.access_key_id = known.access_key_id AND key.xmin = known.version) = cardinality($9)

-- part: from_memory_or_nothing
SELECT 1 / (EXISTS (SELECT FROM moved_totals) AND /* part: as_remembered */)::int

-- part: charged_tabs
-- What is charged to tabs, besides their accounts: each must be what it was decided by, and what was charged to it in its whole life
-- stays within what was agreed. Whoever waits for one finds it as it is then, since its account's lock is held.
charged_tabs AS (
    UPDATE instrument SET charged_micros = instrument.charged_micros + tab.delta_micros
      FROM tabs AS tab
     WHERE instrument.book_id = $1 AND instrument.instrument_id = tab.instrument_id
       AND (SELECT count(*) FROM moved_first) >= 0
       AND /* part: same_tab */
    RETURNING 1
)

-- part: from_memory_with_tabs_or_nothing
SELECT 1 / (EXISTS (SELECT FROM moved_totals) AND (SELECT count(*) FROM charged_tabs) = (SELECT count(*) FROM tabs)
            AND /* part: as_remembered */)::int

-- part: told
-- Notifications ($13), of which others may be told from $14 on, which is real time, and what gets a number as an event ($15).
events AS (
    INSERT INTO outbox (book_id, event_id, kind, subject_id, status, status_code, notification_url, destination,
                        occurred_at, announced_at, due_at, state)
    SELECT $1, new.*, $6::timestamptz, $14::timestamptz, $14::timestamptz, 'waiting'
      FROM unnest($13::event_values[]) AS new
), queued AS (
    INSERT INTO event_queue (book_id, subject_id, name, number, type, status, status_code, occurred_at, queued_at)
    SELECT $1, new.*, $6::timestamptz, $14::timestamptz FROM unnest($15::queued_event_values[]) AS new
        ON CONFLICT (book_id, subject_id, name) DO NOTHING
)

-- part: one_payment
$2::text AS transaction_id, $12::bigint AS amount_micros, $20::text AS payment_method, $17::bigint AS sender_party_id,
$21::text AS sender_token_id, NULL::text AS instrument_id, $4::bigint AS account_id, $22::text AS caller_reference,
$23::bytea AS fingerprint, $24::text AS caller_description, $25::text AS sender_description, $26::text AS notification_url,
$27::timestamptz AS requested_at

-- name: apply_from_memory
-- All that a group of payments from prepaid balances writes that was decided from memory, where nobody wants to hear of them.
WITH /* part: moved_from_memory */, /* part: new_payments */, /* part: new_answers_from_memory */
/* part: from_memory_or_nothing */

-- name: apply_one_from_memory
-- The same of one payment that is its own transfer. Its values are arguments, and none is in an array: to take a lonely payment
-- out of five arrays, and to join them with tables, costs the database an eighth of the statement. In place of the arrays stand its
-- transaction ($2), its account ($4), the token ($7) and the key that signed it, or null ($9); what else is in them follows $12.
WITH /* part: patience */, moved_first AS (
    UPDATE account SET balance_micros = account.balance_micros + new.delta_micros
      FROM (SELECT $4::bigint AS account_id, $12::bigint AS delta_micros, $13::bigint AS terms_version) AS new
     WHERE EXISTS (SELECT FROM patience)
       AND /* part: moved_as_remembered */
    RETURNING 1
), moved_totals AS (
    UPDATE account SET balance_micros = account.balance_micros - $12
     WHERE account.book_id = $1 AND account.account_id = 2 AND EXISTS (SELECT FROM moved_first)
    RETURNING 1
), new_transactions AS (
    /* part: insert_payments */
      FROM (SELECT /* part: one_payment */) AS new
), answers AS (
    /* part: insert_answers */
      FROM (SELECT /* part: one_payment */) AS new
)
SELECT 1 / (EXISTS (SELECT FROM moved_totals) AND pg_postmaster_start_time() = $10
            AND EXISTS (/* part: same_token */) AND EXISTS (/* part: same_instrument */) AND EXISTS (/* part: same_sender */)
            AND /* part: same_book */
            AND ($9::text IS NULL OR EXISTS (SELECT FROM access_key AS key
                                        WHERE key.access_key_id = $9 AND key.xmin = $19::xid)))::int
  FROM (SELECT $7::text AS token_id, $14::xid AS token_version, $15::text AS instrument_id, $16::xid AS instrument_version,
               $17 AS party_id, $18::xid AS party_version) AS known

-- name: apply_from_memory_and_tell
-- The same where somebody does.
WITH /* part: moved_from_memory */, /* part: new_payments */, /* part: new_answers_from_memory */, /* part: told */
/* part: from_memory_or_nothing */

-- name: apply_tabs_from_memory
-- The same of payments of which some are on tabs ($13), where nobody wants to hear of them.
WITH /* part: moved_from_memory */, tabs AS MATERIALIZED (
    SELECT * FROM unnest($13::remembered_tab[])
), /* part: charged_tabs */, /* part: new_payments */, /* part: new_answers_from_memory */
/* part: from_memory_with_tabs_or_nothing */

-- name: apply_tabs_from_memory_and_tell
-- The same with tabs ($16) where somebody does.
WITH /* part: moved_from_memory */, tabs AS MATERIALIZED (
    SELECT * FROM unnest($16::remembered_tab[])
), /* part: charged_tabs */, /* part: new_payments */, /* part: new_answers_from_memory */, /* part: told */
/* part: from_memory_with_tabs_or_nothing */

-- part: same_payments
-- What was refunded of payments, where each is still as it was read: its row is changed after its instrument's account, as by all.
WHERE transaction.book_id = $1 AND transaction.transaction_id = new.transaction_id
  AND transaction.xmin = new.version AND (SELECT count(*) FROM moved_first) >= 0

-- name: apply_from_memory_and_refund
-- All that a group of payments writes that was decided from memory, with refunds of the same book that were read without locking:
-- what they moved is in $4, beside ($16) the versions that accounts must still be where a refund takes something off a debt, and in
-- $12, what both come to. Tabs ($17) that were paid on; new transactions ($18), transfers ($19) and answers ($20) of the refunds;
-- what was refunded in all ($22) of payments ($21), where these are as they were read ($23); instruments ($24) whose balances
-- refunds raise, as they were read ($25). Those may have been charged meanwhile: who changes anything else of them raises the
-- account's terms.
WITH /* part: patience */, moved_first AS (
    UPDATE account SET balance_micros = account.balance_micros + new.delta_micros
      FROM ROWS FROM (unnest($4::remembered_change[]), unnest($16::xid[]))
           AS new (account_id, delta_micros, terms_version, version)
     WHERE EXISTS (SELECT FROM patience)
       AND /* part: moved_as_remembered */
       AND (new.version IS NULL OR account.xmin = new.version)
    RETURNING 1
), /* part: moved_sales */, tabs AS MATERIALIZED (
    SELECT * FROM unnest($17::remembered_tab[])
), /* part: charged_tabs */, /* part: new_payments */, refunds AS (
    INSERT INTO transaction (/* part: columns_of_values */)
    SELECT $1, new.* FROM unnest($18::transaction_values[]) AS new
), transfers_of_refunds AS (
    INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
    SELECT $1, new.*, $6::timestamptz FROM unnest($19::transfer_values[]) AS new
), answers AS (
    INSERT INTO answered_reference (book_id, reference_digest, fingerprint, transaction_id, status, answered_at)
    SELECT $1, /* part: reference_digest */, fingerprint, transaction_id, status, $6
      FROM (SELECT caller_reference, fingerprint, transaction_id, status FROM (/* part: answers_of_payments */) AS paid
             UNION ALL
            SELECT caller_reference, fingerprint, transaction_id, status FROM unnest($20::answer_values[])) AS new
), /* part: told */, refunded AS (
    UPDATE transaction SET refunded_micros = new.refunded_micros
      FROM unnest($21::text[], $22::bigint[], $23::xid[]) AS new (transaction_id, refunded_micros, version)
     /* part: same_payments */
    RETURNING 1
)
SELECT 1 / (EXISTS (SELECT FROM moved_totals) AND (SELECT count(*) FROM charged_tabs) = (SELECT count(*) FROM tabs)
            AND (SELECT count(*) FROM refunded) = cardinality($21)
            AND (SELECT count(*)
                   FROM unnest($24::text[], $25::xid[]) AS known (instrument_id, instrument_version)
                  CROSS JOIN LATERAL (/* part: same_instrument */ LIMIT 1) AS same_instrument) = cardinality($24)
            AND /* part: as_remembered */)::int

-- name: read_book
-- What payments that are decided from memory have in common, besides keys: the rules of the book and its owner, with the
-- versions of both and the start of the server that tells them.
SELECT book.party_id, book.environment, book.minimum_charge_micros, book.clock_offset_seconds, book.notification_url,
       book.charge_events, book.one_row_payments, owner.status = 'active' AS seller_active, owner.email_verified_at IS NOT NULL AS email_verified,
       owner.verified_at IS NOT NULL AS account_verified, owner.receives_cards, owner.marketplace, owner.denied,
       owner.fee_schedule, book.parts, book.xmin AS book_version, owner.xmin AS owner_version,
       pg_postmaster_start_time() AS server_started_at
  FROM book
  JOIN party AS owner ON owner.party_id = book.party_id
 WHERE book.book_id = $1

-- part: written
-- All that most groups write which are no payments from instruments, in their own book: new transactions ($2), transfers ($3), and answers ($5). An answer
-- that another process gave meanwhile is not touched, and then missing from the count. A refusal older than $11 gives way;
-- what a transaction was made with is spent, whatever any clock says, unless a setting ($12) has old ones used again. What
-- gets a number as an event: $14.
WITH /* part: moved_with_terms */, new_transactions AS (
    INSERT INTO transaction (/* part: columns_of_values */)
    SELECT $1, new.* FROM unnest($2::transaction_values[]) AS new
), new_transfers AS (
    INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
    SELECT $1, new.*, $6::timestamptz FROM unnest($3::transfer_values[]) AS new
), answers AS (
    INSERT INTO answered_reference (book_id, reference_digest, fingerprint, transaction_id, status, refusal, message,
                                    answered_at)
    SELECT $1, /* part: reference_digest */, fingerprint, transaction_id, status, refusal, message, $6::timestamptz
      FROM unnest($5::answer_values[]) AS new
        ON CONFLICT (book_id, reference_digest) DO UPDATE
       SET fingerprint = excluded.fingerprint, transaction_id = excluded.transaction_id, status = excluded.status,
           refusal = excluded.refusal, message = excluded.message, answered_at = excluded.answered_at,
           reuses = CASE WHEN answered_reference.transaction_id IS NULL THEN answered_reference.reuses
                         ELSE coalesce(answered_reference.reuses, 0) + 1 END
     WHERE answered_reference.answered_at <= $11
       AND ($12::boolean OR answered_reference.transaction_id IS NULL AND answered_reference.reuses IS NULL)
    RETURNING 1
), /* part: more */, queued AS (
    INSERT INTO event_queue (book_id, subject_id, name, number, type, status, status_code, occurred_at, queued_at)
    SELECT $1, new.*, $6::timestamptz, $10::timestamptz FROM unnest($14::queued_event_values[]) AS new
        ON CONFLICT (book_id, subject_id, name) DO NOTHING
)

-- part: all_written
/* part: all_moved */ AND (SELECT count(*) FROM answers) = cardinality($5)

-- name: apply
-- Of groups that have locked what they change.
/* part: written */
SELECT 1 / (/* part: all_written */)::int

-- name: apply_refunds
-- Of refunds of payments ($15) from instruments: what was refunded of each in all ($16), where it is still as it was read ($17).
/* part: written */, refunded AS (
    UPDATE transaction SET refunded_micros = new.refunded_micros
      FROM unnest($15::text[], $16::bigint[], $17::xid[]) AS new (transaction_id, refunded_micros, version)
     /* part: same_payments */
    RETURNING 1
)
SELECT 1 / (/* part: all_written */ AND (SELECT count(*) FROM refunded) = cardinality($15))::int

-- name: update_transactions
UPDATE transaction
   SET status = new.status, status_code = new.status_code, status_message = new.status_message,
       status_number = new.status_number, amount_micros = new.amount_micros, fee_micros = new.fee_micros,
       marketplace_fee_micros = new.marketplace_fee_micros, refunded_micros = new.refunded_micros,
       notification_url = new.notification_url, completed_at = new.completed_at, reserved_until = new.reserved_until,
       marketplace_refunded_micros = new.marketplace_refunded_micros, fee_refunded_micros = new.fee_refunded_micros,
       disputed_micros = nullif(new.disputed_micros, 0)
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[], $8::bigint[], $9::bigint[],
              $10::bigint[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::bigint[],
              $15::bigint[], $16::bigint[])
       AS new (transaction_id, status, status_code, status_message, status_number, amount_micros, fee_micros,
               marketplace_fee_micros, refunded_micros, notification_url, completed_at, reserved_until,
               marketplace_refunded_micros, fee_refunded_micros, disputed_micros)
 WHERE transaction.book_id = $1 AND transaction.transaction_id = new.transaction_id

-- name: insert_steps
INSERT INTO transaction_step (book_id, transaction_id, number, status, status_code, amount_micros, at)
SELECT $1, new.*, $7::timestamptz
  FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[]) AS new

-- name: insert_transfers
-- Transfers in another book than the group's own, with `move_balances`.
INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
SELECT $1, new.*, $3::timestamptz FROM unnest($2::transfer_values[]) AS new
 ORDER BY new.transaction_id COLLATE "C", new.number

-- name: move_balances
-- Add what the group moved to each touched account once, in the order in which all groups lock them, so that those of two
-- processes cannot block each other. CHECK account_within_bounds refuses what the domain should have refused.
WITH touched AS (
    SELECT account_id FROM account
     WHERE book_id = $1 AND account_id IN (SELECT account_id FROM unnest($2::balance_change[]))
     ORDER BY account_id < 1::bigint << 62, account_id
       FOR UPDATE
)
UPDATE account SET balance_micros = account.balance_micros + moved.delta_micros
  FROM touched
  JOIN unnest($2::balance_change[]) AS moved USING (account_id)
 WHERE account.book_id = $1 AND account.account_id = touched.account_id

-- name: insert_rail_requests
-- What a rail is to be asked; which rail it was stays known when the request is gone.
WITH kept AS (
    INSERT INTO rail_operation (book_id, transaction_id, rail, operation, payment_method_id)
    SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::text[], $6::bigint[]) AS new
        ON CONFLICT (book_id, transaction_id, operation) DO NOTHING
)
INSERT INTO rail_request (book_id, transaction_id, rail, operation, amount_micros, payment_method_id, earlier_id,
                          opened_at, due_at)
SELECT $1, new.*, $8::timestamptz, $8::timestamptz
  FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[]) AS new

-- name: insert_rail_records
-- What rails did without an order of ours.
INSERT INTO rail_operation (book_id, transaction_id, rail, operation, reference, payment_method_id)
SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS new

-- name: delete_rail_requests
DELETE FROM rail_request
 USING unnest($2::text[], $3::text[]) AS done (transaction_id, operation)
 WHERE rail_request.book_id = $1 AND rail_request.transaction_id = done.transaction_id
   AND rail_request.operation = done.operation

-- name: load_disputes
-- Disputes by themselves ($2), by the names that rails ($3) have for them ($4), the open ones of instruments ($5), and those
-- of charges ($6). They are guarded by the locks of their instruments or, where they have none, of the charges.
SELECT transaction_id, rail, reference, original_id, bearer_party_id, instrument_id, asked_micros, opened_at, status,
       claimed_micros, borne_micros, fee_micros, due_micros, told, moves, reason, evidence_due_at, closed_at
  FROM dispute
 WHERE book_id = $1
   AND (transaction_id = ANY($2::text[])
        OR (rail, reference) IN (SELECT * FROM unnest($3::text[], $4::text[]))
        OR (instrument_id = ANY($5::text[]) AND status IN ('opened', 'evidence_due'))
        OR original_id = ANY($6::text[]))

-- name: load_bookings
-- Movements at rails ($2) by the names that these have for them ($3), as far as they are booked. Nothing guards them but
-- their key: a group that books one at the same time is rolled back, and finds it when it is tried again.
SELECT rail, movement_id, account, transaction_id, amount_micros
  FROM rail_booking
 WHERE book_id = $1 AND (rail, movement_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))

-- name: insert_bookings
INSERT INTO rail_booking (book_id, rail, movement_id, account, transaction_id, amount_micros)
SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS new

-- name: disputed_settlements
-- What becomes of a settlement that is lost in a dispute.
SELECT disputed_settlements FROM book WHERE book_id = $1

-- name: write_disputes
-- Where amount or fee change while nothing new is told, the seller has a letter again.
INSERT INTO dispute (book_id, transaction_id, rail, reference, original_id, bearer_party_id, instrument_id, asked_micros,
                     opened_at, status, claimed_micros, borne_micros, fee_micros, due_micros, told, moves, reason,
                     evidence_due_at, closed_at)
SELECT $1, transaction_id, rail, reference, original_id, bearer_party_id, instrument_id, asked_micros, opened_at, status,
       claimed_micros, borne_micros, fee_micros, due_micros, string_to_array(told, ' '), moves, reason, evidence_due_at,
       closed_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::timestamptz[],
              $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::smallint[],
              $17::text[], $18::timestamptz[], $19::timestamptz[])
       AS new (transaction_id, rail, reference, original_id, bearer_party_id, instrument_id, asked_micros, opened_at,
               status, claimed_micros, borne_micros, fee_micros, due_micros, told, moves, reason, evidence_due_at,
               closed_at)
    ON CONFLICT (book_id, transaction_id) DO UPDATE
   SET asked_micros = excluded.asked_micros, status = excluded.status, claimed_micros = excluded.claimed_micros,
       borne_micros = excluded.borne_micros, fee_micros = excluded.fee_micros, due_micros = excluded.due_micros,
       told = excluded.told, moves = excluded.moves, reason = excluded.reason,
       evidence_due_at = excluded.evidence_due_at, closed_at = excluded.closed_at,
       letters = CASE WHEN excluded.told = dispute.told AND (excluded.asked_micros, excluded.fee_micros)
                           <> (dispute.asked_micros, dispute.fee_micros) THEN 0 ELSE dispute.letters END

-- name: update_uncovered
-- What open disputes claim of balances ($2) and found spent.
UPDATE instrument SET uncovered_micros = nullif(new.uncovered_micros, 0)
  FROM unnest($2::text[], $3::bigint[]) AS new (instrument_id, uncovered_micros)
 WHERE instrument.book_id = $1 AND instrument.instrument_id = new.instrument_id

-- name: insert_payouts
-- Payouts that begin, at $8; one that is only recorded is over at once.
INSERT INTO payout (book_id, transaction_id, rail, amount_micros, destination_id, due_at, opened_at, ended_at)
SELECT $1, transaction_id, rail, amount_micros, destination_id, due_at, $8::timestamptz, CASE WHEN done THEN $8 END
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::boolean[])
       AS new (transaction_id, rail, amount_micros, destination_id, due_at, done)

-- name: end_payouts
-- Payouts that were sent, or were not, at $4, with the bank's references.
UPDATE payout SET ended_at = $4, due_at = NULL, bank_reference = coalesce(ended.reference, bank_reference)
  FROM unnest($2::text[], $3::text[]) AS ended (transaction_id, reference)
 WHERE payout.book_id = $1 AND payout.transaction_id = ended.transaction_id
