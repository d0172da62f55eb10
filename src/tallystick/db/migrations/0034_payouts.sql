-- Payouts: cash that leaves for the sellers' banks.

ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from', 'payouts_under_way', 'paid_out', 'payouts_due'))
    NOT VALID; -- more than before: no row needs to be looked at

ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute',
                     'Payout', 'PayoutReturn'))
    NOT VALID;

ALTER DOMAIN transaction_method DROP CONSTRAINT transaction_method_is_known;
ALTER DOMAIN transaction_method ADD CONSTRAINT transaction_method_is_known
    CHECK (VALUE IN ('ABT', 'CC', 'ACH', 'Debt', 'Prepaid', 'Payout')) NOT VALID;

CREATE TABLE payout (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL, -- the rail's idempotency key
    rail text NOT NULL,
    amount_micros positive_micros NOT NULL,
    destination_id bigint, -- a payout_destination; null: only recorded, since operator and seller are one
    opened_at timestamptz NOT NULL,
    due_at timestamptz, -- when the rail is asked; null: people send it, or it is over
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    message_id text, -- of the payout_file that it is in, once it is in one
    bank_reference text,
    ended_at timestamptz, -- sent, or failed: its transaction says which
    PRIMARY KEY (book_id, transaction_id)
);
COMMENT ON TABLE payout IS 'Which way each payout goes; its amount and status are those of its transaction';
CREATE INDEX payout_open ON payout (book_id, transaction_id) WHERE ended_at IS NULL;
CREATE INDEX payout_in_file ON payout (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX payout_due ON payout (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE payout_destination (
    destination_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL,
    account_sealed bytea NOT NULL, -- holder and numbers, under the master key
    hint text NOT NULL, -- how people know it: country or kind, and the last four
    made_by bigint REFERENCES party, -- null: by a command
    made_at timestamptz NOT NULL,
    usable_at timestamptz NOT NULL, -- a while after it was given: who stole a session gains nothing at once
    replaced_at timestamptz
);
COMMENT ON TABLE payout_destination IS 'Bank accounts of sellers; one is changed by giving another';
CREATE UNIQUE INDEX payout_destination_current ON payout_destination (business_id, environment)
    WHERE replaced_at IS NULL;

CREATE TABLE payout_schedule (
    business_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL,
    every text NOT NULL CONSTRAINT payout_schedule_every CHECK (every IN ('day', 'week', 'month')),
    reserve_micros bigint NOT NULL CONSTRAINT payout_schedule_reserve CHECK (reserve_micros >= 0),
    next_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, environment)
);
COMMENT ON TABLE payout_schedule IS 'When all cash above a reserve is paid out by itself';
CREATE INDEX payout_schedule_next ON payout_schedule (next_at);

CREATE TABLE payout_file (
    message_id text PRIMARY KEY, -- by which a bank knows a file that it had before
    environment text NOT NULL,
    content_sealed bytea NOT NULL, -- as it goes to the bank, under the master key
    payouts integer NOT NULL,
    total_micros bigint NOT NULL,
    made_by bigint REFERENCES party,
    made_at timestamptz NOT NULL
);
COMMENT ON TABLE payout_file IS 'Files of payouts for the operator''s bank';

-- What the simulated payout rail remembers, in commits of its own, as a bank would.
CREATE TABLE simulated_payout (
    idempotency_key text COLLATE "C" PRIMARY KEY,
    amount_micros bigint NOT NULL,
    account_hint text NOT NULL,
    declined text, -- why; null: it was paid
    asked_at timestamptz NOT NULL
);

ALTER TABLE approval DROP CONSTRAINT approval_deed;
ALTER TABLE approval
    ADD CONSTRAINT approval_deed CHECK (deed IN ('refund', 'settle', 'write_off', 'refund_balance', 'payout'));
