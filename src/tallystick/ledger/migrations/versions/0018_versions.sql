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
