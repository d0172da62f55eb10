-- Reconciliation: what rails say that they moved, held against the books day by day.

ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from', 'payouts_under_way', 'paid_out', 'payouts_due', 'rail_fees',
                     'bank'))
    NOT VALID; -- more than before: no row needs to be looked at

ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute',
                     'Payout', 'PayoutReturn', 'RailMovement'))
    NOT VALID;

ALTER DOMAIN transaction_method DROP CONSTRAINT transaction_method_is_known;
ALTER DOMAIN transaction_method ADD CONSTRAINT transaction_method_is_known
    CHECK (VALUE IN ('ABT', 'CC', 'ACH', 'Debt', 'Prepaid', 'Payout', 'Rail')) NOT VALID;

-- The book of all three tables is the operator's.
CREATE TABLE rail_booking (
    book_id bigint NOT NULL,
    rail text NOT NULL,
    movement_id text COLLATE "C" NOT NULL, -- the rail's own
    account text NOT NULL CHECK (account IN ('rail_fees', 'bank')), -- what stands against the account of the rail
    transaction_id text COLLATE "C" NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros <> 0), -- above 0 left the rail
    PRIMARY KEY (book_id, rail, movement_id, account)
);
COMMENT ON TABLE rail_booking IS 'What rails kept or paid out by themselves, each booked once';

CREATE TABLE rail_movement (
    book_id bigint NOT NULL,
    rail text NOT NULL,
    movement_id text COLLATE "C" NOT NULL,
    kind text NOT NULL, -- processors/rail.py: MovementKind
    reference text COLLATE "C",
    amount_micros bigint NOT NULL, -- as the rail said first
    fee_micros bigint NOT NULL,
    currency text NOT NULL,
    moved_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL, -- when the reading began that found it last
    later_micros bigint, -- less its fee, where a later reading was told something else
    transaction_id text COLLATE "C", -- ours, which it belongs to
    PRIMARY KEY (book_id, rail, movement_id)
);
COMMENT ON TABLE rail_movement IS 'What rails say that they moved, as far as it was read';
CREATE INDEX rail_movement_moved ON rail_movement (book_id, rail, moved_at);
CREATE INDEX rail_movement_of_transaction ON rail_movement (book_id, rail, transaction_id)
    WHERE transaction_id IS NOT NULL;

CREATE TABLE rail_reconciliation (
    book_id bigint NOT NULL,
    rail text NOT NULL,
    day date NOT NULL, -- of UTC
    read_at timestamptz NOT NULL,
    movements integer NOT NULL,
    moved_micros bigint NOT NULL, -- before the rail's fees
    fees_micros bigint NOT NULL, -- what the rail kept, booked as the operator's expense
    bank_micros bigint NOT NULL, -- what it paid to the operator's bank
    unexplained_micros bigint NOT NULL CHECK (unexplained_micros >= 0),
    findings jsonb NOT NULL,
    PRIMARY KEY (book_id, rail, day)
);
COMMENT ON TABLE rail_reconciliation IS 'Days of rails, held against the books';
