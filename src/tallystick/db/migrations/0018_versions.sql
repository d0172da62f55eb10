-- Payments from instruments are decided on what was read without a lock, and checked while they are written.

-- A change may say of which version of the account it was decided: its xmin. Null: of any, for the account is locked, or one
-- of the totals, to which sums are added whatever they are.
ALTER TYPE balance_change ADD ATTRIBUTE version xid;

-- What decisions need to know of a book and its owner.
CREATE TYPE book_rules AS (
    party_id bigint,
    environment text,
    minimum_charge_micros bigint,
    clock_offset_seconds bigint,
    notification_url text,
    seller_active boolean,
    email_verified boolean,
    account_verified boolean,
    receives_cards boolean,
    marketplace boolean,
    denied boolean,
    fee_schedule text
);

-- What calls depend on of the key that signed them.
CREATE TYPE key_terms AS (
    access_key_id text,
    party_id bigint,
    environment text,
    expires_at timestamptz,
    status text,
    book_id bigint,
    clock_offset_seconds bigint,
    parts bigint[]
);

-- Payments from instruments travel as what they differ in, and what they have in common once.
CREATE TYPE payment_values AS (
    transaction_id text,
    amount_micros bigint,
    payment_method text,
    sender_party_id bigint,
    sender_token_id text,
    instrument_id text,
    account_id bigint,
    caller_reference text,
    fingerprint bytea,
    caller_description text,
    sender_description text,
    notification_url text,
    requested_at timestamptz
);
CREATE TYPE payment_kind AS (
    operation text,
    status text,
    status_code text,
    status_message text,
    sales_account bigint
);
