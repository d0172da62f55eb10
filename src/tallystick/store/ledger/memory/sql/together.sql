-- Payments of several books in one statement. Read by together.py. It is for one machine alone: where books are on several,
-- nothing is remembered, and it is never sent. Its arguments are those of apply_from_memory (money.sql) with their books beside them.

-- part: moved_together
-- Accounts are locked as all groups lock them: those of instruments before the totals, each by book and number.
moved_first AS (
    UPDATE account SET balance_micros = account.balance_micros + new.delta_micros
      FROM unnest($5::bigint[], $6::remembered_change[]) AS new (book_id, account_id, delta_micros, terms_version)
     WHERE (SELECT set_config('lock_timeout', $15, true)) IS NOT NULL
       AND account.book_id = new.book_id AND account.account_id = new.account_id AND new.account_id >= 1::bigint << 62
       AND account.terms_version = new.terms_version
       AND (account.balance_micros + new.delta_micros <= account.ceiling_micros) IS NOT FALSE
       AND (account.balance_micros + new.delta_micros >= account.floor_micros) IS NOT FALSE
    RETURNING 1
), moved_totals AS (
    UPDATE account SET balance_micros = account.balance_micros - new.total_micros
      FROM unnest($9::bigint[], $16::bigint[]) AS new (book_id, total_micros)
     WHERE account.book_id = new.book_id AND account.account_id = 2
       AND (SELECT count(*) FROM moved_first) = cardinality($6)
    RETURNING 1
)

-- part: insert_payments_together
    INSERT INTO transaction (book_id, transaction_id, operation, status, status_code, status_message, amount_micros,
                             payment_method, sender_party_id, sender_token_id, instrument_id, caller_reference,
                             caller_description, sender_description, notification_url, requested_at, received_at,
                             completed_at, own_debit_account, fee_payer, status_number, fee_micros, refunded_micros,
                             marketplace_fee_micros, marketplace_refunded_micros, fee_refunded_micros)
    SELECT book_id, transaction_id, ($3::payment_kind).operation, ($3).status, ($3).status_code, ($3).status_message,
           amount_micros, payment_method, sender_party_id, sender_token_id, instrument_id, caller_reference,
           caller_description, sender_description, notification_url, requested_at, now, now,
           CASE WHEN ($3).sales_account IS NULL THEN account_id END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 'Recipient' END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 1 END, CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END, CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END,
           CASE WHEN ($3).sales_account IS NOT NULL THEN 0 END

-- part: insert_answers_together
    INSERT INTO answered_reference (book_id, reference_digest, fingerprint, transaction_id, status, answered_at)
    SELECT book_id, /* part: reference_digest */, fingerprint, transaction_id,
           CASE WHEN ($3).sales_account IS NOT NULL THEN ($3).status END, now

-- part: as_remembered_together
-- Whether all accounts were moved, and all is still as it is remembered.
(SELECT count(*) FROM moved_totals) = cardinality($9)
AND pg_postmaster_start_time() = $14
AND (SELECT count(*)
       FROM unnest($7::bigint[], $8::remembered_token[])
            AS known (book_id, token_id, token_version, instrument_id, instrument_version, party_id, party_version)
      CROSS JOIN LATERAL (SELECT FROM token
                           WHERE token.book_id = known.book_id AND token.token_id = known.token_id
                             AND token.xmin = known.token_version
                           LIMIT 1) AS same_token
      CROSS JOIN LATERAL (SELECT FROM instrument
                           WHERE instrument.book_id = known.book_id
                             AND instrument.instrument_id = known.instrument_id
                             AND (instrument.xmin = known.instrument_version) IS NOT FALSE
                           LIMIT 1) AS same_instrument
      CROSS JOIN LATERAL (SELECT FROM party
                           WHERE party.party_id = known.party_id AND party.xmin = known.party_version
                           LIMIT 1) AS same_sender) = cardinality($8)
AND (SELECT count(*)
       FROM unnest($9::bigint[], $10::xid[], $11::xid[]) AS known (book_id, version, owner_version)
      CROSS JOIN LATERAL (SELECT FROM book
                            JOIN party AS owner ON owner.party_id = book.party_id
                           WHERE book.book_id = known.book_id AND book.xmin = known.version
                             AND owner.xmin = known.owner_version
                           LIMIT 1) AS same_book) = cardinality($9)
AND (SELECT count(*)
       FROM unnest($12::text[], $13::xid[]) AS known (access_key_id, version)
       JOIN access_key AS key ON key.access_key_id = known.access_key_id AND key.xmin = known.version)
    = cardinality($12)

-- name: apply_plain_together
-- All that payments write that were decided from memory, from prepaid balances, where each is its own transfer, nobody wants to
-- hear of them, and it is the same time in all books ($4): payments ($2) of books ($1), $3 what they have in common; changes of instruments' accounts
-- ($6) of books ($5); tokens ($8) of books ($7); books ($9) with their versions ($10) and their owners' ($11), and what is taken
-- from the account of sales (2) of each ($16); keys ($12) with theirs ($13); the start of the server that told them ($14).
-- Who waits for somebody's account waits $15 at most, for others would wait with it who have nothing to do with that.
WITH /* part: moved_together */, new_transactions AS (
    /* part: insert_payments_together */
      FROM ROWS FROM (unnest($1::bigint[]), unnest($2::payment_values[]))
           AS new (book_id, transaction_id, amount_micros, payment_method, sender_party_id, sender_token_id,
                   instrument_id, account_id, caller_reference, fingerprint, caller_description, sender_description,
                   notification_url, requested_at)
     CROSS JOIN (SELECT $4::timestamptz AS now) AS clock
), answers AS (
    /* part: insert_answers_together */
      FROM ROWS FROM (unnest($1), unnest($2))
           AS new (book_id, transaction_id, amount_micros, payment_method, sender_party_id, sender_token_id,
                   instrument_id, account_id, caller_reference, fingerprint)
     CROSS JOIN (SELECT $4 AS now) AS clock
)
SELECT 1 / (/* part: as_remembered_together */)::int

-- name: apply_together
-- The same of all payments at the books' times ($4), where the account of sales ($3) is null when each is its own transfer; notifications ($18) of
-- books ($17) at the books' times ($19), of which others may be told from $20 on, which is real time; what gets a number as an
-- event ($22) of books ($21) at the books' times ($23); tabs ($25) of books ($24) that some of the payments are on. What nothing
-- is written of costs the database, too: with two payments a sixth of the statement.
WITH /* part: moved_together */, tabs AS MATERIALIZED (
    SELECT * FROM ROWS FROM (unnest($24::bigint[]), unnest($25::remembered_tab[]))
               AS tab (book_id, instrument_id, account_id, delta_micros, limit_micros, total_limit_micros, expires_at)
), charged_tabs AS (
    UPDATE instrument SET charged_micros = instrument.charged_micros + tab.delta_micros
      FROM tabs AS tab
     WHERE instrument.book_id = tab.book_id AND instrument.instrument_id = tab.instrument_id
       AND (SELECT count(*) FROM moved_first) >= 0
       AND /* part: same_tab */
    RETURNING 1
), new_transactions AS (
    /* part: insert_payments_together */
      FROM ROWS FROM (unnest($1::bigint[]), unnest($4::timestamptz[]), unnest($2::payment_values[]))
           AS new (book_id, now, transaction_id, amount_micros, payment_method, sender_party_id, sender_token_id,
                   instrument_id, account_id, caller_reference, fingerprint, caller_description, sender_description,
                   notification_url, requested_at)
), new_transfers AS (
    INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
    SELECT book_id, transaction_id, 1, account_id, ($3).sales_account, amount_micros, now
      FROM ROWS FROM (unnest($1), unnest($4), unnest($2))
           AS new (book_id, now, transaction_id, amount_micros, payment_method, sender_party_id, sender_token_id,
                   instrument_id, account_id)
     WHERE ($3).sales_account IS NOT NULL
), answers AS (
    /* part: insert_answers_together */
      FROM ROWS FROM (unnest($1), unnest($4), unnest($2))
           AS new (book_id, now, transaction_id, amount_micros, payment_method, sender_party_id, sender_token_id,
                   instrument_id, account_id, caller_reference, fingerprint)
), events AS (
    INSERT INTO outbox (book_id, event_id, kind, subject_id, status, status_code, notification_url, destination,
                        occurred_at, announced_at, due_at, state)
    SELECT book_id, event_id, kind, subject_id, status, status_code, notification_url, destination, now,
           $20::timestamptz, $20::timestamptz, 'waiting'
      FROM ROWS FROM (unnest($17::bigint[]), unnest($19::timestamptz[]), unnest($18::event_values[]))
           AS new (book_id, now, event_id, kind, subject_id, status, status_code, notification_url, destination)
), queued AS (
    INSERT INTO event_queue (book_id, subject_id, name, number, type, status, status_code, occurred_at, queued_at)
    SELECT book_id, subject_id, name, number, type, status, status_code, now, $20
      FROM ROWS FROM (unnest($21::bigint[]), unnest($23::timestamptz[]), unnest($22::queued_event_values[]))
           AS new (book_id, now, subject_id, name, number, type, status, status_code)
        ON CONFLICT (book_id, subject_id, name) DO NOTHING
)
SELECT 1 / (/* part: as_remembered_together */
       AND (SELECT count(*) FROM charged_tabs) = cardinality($25))::int
