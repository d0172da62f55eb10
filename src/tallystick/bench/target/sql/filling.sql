-- Many charges at once, for the measurement of growth. Read by filling.py. The rows are those that the money path writes
-- (store/ledger/sql/money.sql, apply_payments); what they come to is added up here, so that `verify` has nothing to object to.

-- name: instruments
-- What can be charged in a book ($1): its instruments, each by the token that spends from it.
SELECT instrument.instrument_id, instrument.account_id, instrument.sender_party_id,
       CASE instrument.kind WHEN 'prepaid' THEN 'Prepaid' ELSE 'Debt' END AS payment_method
  FROM instrument
  JOIN token ON token.book_id = instrument.book_id AND token.instrument_id = instrument.instrument_id
            AND token.purpose IN ('prepaid_sender', 'credit_sender') AND token.old_token_id IS NULL
 WHERE instrument.book_id = $1
 ORDER BY instrument.instrument_id

-- name: charge
-- A charge of $7 micro-units under each id ($2) at $8, with the instrument, account, sender and method that stand beside
-- it ($3 to $6), in the book $1. References and fingerprints are as random as those of requests: digests of the ids.
WITH charge AS MATERIALIZED (
    SELECT *, encode(substring(sha256(transaction_id::bytea) FROM 1 FOR 12), 'hex') AS caller_reference,
           substring(sha256(transaction_id::bytea), 1, 11) AS fingerprint
      FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
           AS new (transaction_id, instrument_id, account_id, sender_party_id, payment_method)
), transactions AS (
    INSERT INTO transaction (book_id, transaction_id, operation, status, status_code, amount_micros, payment_method,
                             sender_party_id, caller_reference, requested_at, received_at, completed_at,
                             own_debit_account, fee_payer, status_number, fee_micros, refunded_micros,
                             marketplace_fee_micros, marketplace_refunded_micros, fee_refunded_micros)
    SELECT $1, transaction_id, 'Pay', 'Success', NULL, $7, payment_method, sender_party_id, caller_reference,
           $8, $8, $8, account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
      FROM charge
), answers AS (
    INSERT INTO answered_reference (book_id, reference_digest, fingerprint, transaction_id, answered_at)
    SELECT $1, /* part: reference_digest */, fingerprint, transaction_id, $8 FROM charge
), moved AS (
    SELECT account_id, $7 * count(*) AS micros FROM charge GROUP BY account_id
    UNION ALL
    SELECT 2, -$7 * count(*) FROM charge
), balances AS (
    UPDATE account SET balance_micros = account.balance_micros + moved.micros
      FROM moved
     WHERE account.book_id = $1 AND account.account_id = moved.account_id
)
UPDATE instrument SET charged_micros = instrument.charged_micros + moved.micros
  FROM (SELECT instrument_id, $7 * count(*) AS micros FROM charge WHERE payment_method = 'Debt' GROUP BY instrument_id)
       AS moved
 WHERE instrument.book_id = $1 AND instrument.instrument_id = moved.instrument_id
