-- Disputes of charges by card or bank account: what rails told of them, and what each holds in the books.

ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from')) NOT VALID; -- more than before: no row needs to be looked at

ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute'))
    NOT VALID;

-- Columns without a default, so that no table is written anew: nothing is 0.
ALTER TABLE transaction ADD COLUMN disputed_micros bigint; -- what disputes that are open or lost claim of a charge
ALTER TABLE instrument ADD COLUMN uncovered_micros bigint; -- what open disputes claim of a balance and found spent

ALTER TABLE book ADD COLUMN disputed_settlements text NOT NULL DEFAULT 'debt'
    CHECK (disputed_settlements IN ('debt', 'loss')); -- what becomes of a settlement that is lost in a dispute

CREATE TABLE dispute (
    book_id bigint NOT NULL, -- of the charge
    transaction_id text COLLATE "C" NOT NULL, -- the dispute's own transaction: its transfers are what the dispute moved
    rail text NOT NULL,
    reference text COLLATE "C" NOT NULL, -- the rail's own name of it
    original_id text COLLATE "C" NOT NULL, -- the charge
    bearer_party_id bigint NOT NULL, -- the seller who received the charge
    instrument_id text COLLATE "C",
    status text NOT NULL CHECK (status IN ('opened', 'evidence_due', 'won', 'lost')),
    asked_micros positive_micros NOT NULL, -- what the rail says
    claimed_micros unsigned_micros NOT NULL, -- what of it the rail holds back or keeps: nothing that was refunded
    borne_micros unsigned_micros NOT NULL, -- what of that the instrument bears
    fee_micros unsigned_micros NOT NULL, -- the rail's own
    due_micros unsigned_micros NOT NULL, -- what the seller's cash has not covered yet
    told text[] NOT NULL, -- every status that the rail told
    moves smallint NOT NULL, -- how many transfers it has made
    reason text,
    evidence_due_at timestamptz,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    letters smallint NOT NULL DEFAULT 0, -- of how many of these the seller has had a letter
    PRIMARY KEY (book_id, transaction_id),
    UNIQUE (book_id, rail, reference),
    CONSTRAINT borne_within_claim CHECK (borne_micros <= claimed_micros AND claimed_micros <= asked_micros),
    CONSTRAINT due_within_claim CHECK (due_micros <= claimed_micros + fee_micros),
    CONSTRAINT closed_when_over CHECK ((closed_at IS NOT NULL) = (status IN ('won', 'lost')))
) WITH (fillfactor = 80);
COMMENT ON TABLE dispute IS 'Charges that a buyer''s bank took back, or tries to';
CREATE INDEX dispute_of_charge ON dispute (book_id, original_id);
CREATE INDEX dispute_of_instrument ON dispute (book_id, instrument_id) WHERE instrument_id IS NOT NULL;
CREATE INDEX dispute_of_bearer ON dispute (bearer_party_id, transaction_id);
CREATE INDEX dispute_untold ON dispute (book_id, transaction_id) WHERE letters < cardinality(told);
CREATE INDEX dispute_due ON dispute (book_id, transaction_id) WHERE due_micros > 0;
