-- The money path writes what a whole group of commands came to by one statement. Rows travel to it as arrays of these
-- types: one value each to encode, where an array per column would be dozens.

CREATE TYPE transaction_values AS (
    transaction_id text,
    operation text,
    status text,
    status_code text,
    status_message text,
    amount_micros bigint,
    fee_micros bigint,
    refunded_micros bigint,
    payment_method text,
    sender_party_id bigint,
    sender_token_id text,
    instrument_id text,
    original_id text,
    caller_reference text,
    caller_description text,
    sender_description text,
    notification_url text,
    requested_at timestamptz,
    received_at timestamptz,
    completed_at timestamptz,
    recipient_party_id bigint,
    recipient_token_id text,
    fee_payer text,
    marketplace_fee_micros bigint,
    times_out_at timestamptz
);
CREATE TYPE transfer_values AS (
    transaction_id text,
    number smallint,
    debit_account bigint,
    credit_account bigint,
    amount_micros bigint
);
CREATE TYPE balance_change AS (account_id bigint, delta_micros bigint);
CREATE TYPE instrument_change AS (instrument_id text, charged_micros bigint, pending_micros bigint);
CREATE TYPE token_change AS (token_id text, usage_limits text, cancelled_at timestamptz, used_by text);
CREATE TYPE answer_values AS (
    caller_reference text,
    fingerprint bytea,
    transaction_id text,
    status text,
    refusal text,
    message text
);
CREATE TYPE event_values AS (
    event_id text,
    kind text,
    subject_id text,
    status text,
    status_code text,
    notification_url text,
    destination text
);

-- Answers are forgotten in the order in which they were given, so a summary of each range of pages finds the old ones;
-- it costs next to nothing to keep, where a tree took a write for each payment.
DROP INDEX answered_reference_age;
CREATE INDEX answered_reference_age ON answered_reference USING brin (answered_at) WITH (autosummarize = on);
