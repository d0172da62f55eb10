-- Balances that buyers have paid back without asking the seller, where the seller, or a law, lets them.

CREATE TABLE redemption_policy (
    business_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    up_to_micros bigint CHECK (up_to_micros > 0), -- null: every balance
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, environment)
);
COMMENT ON TABLE redemption_policy IS 'Which balances a seller pays back when buyers ask for it; no row: none';

CREATE TABLE redemption (
    book_id bigint NOT NULL, -- of the balance
    redemption_id text COLLATE "C" NOT NULL, -- of the form; the references of its refunds follow from it
    instrument_id text COLLATE "C" NOT NULL,
    asked_by bigint NOT NULL, -- the buyer
    amount_micros positive_micros NOT NULL, -- as it was shown and asked for
    asked_at timestamptz NOT NULL,
    claimed_until timestamptz, -- until then one process carries it out
    ended_at timestamptz,
    paid_micros unsigned_micros, -- what its refunds came to when they were made
    refused text, -- why nothing was paid back
    PRIMARY KEY (book_id, redemption_id),
    CONSTRAINT redemption_paid CHECK (paid_micros <= amount_micros),
    CONSTRAINT redemption_ended CHECK ((ended_at IS NOT NULL) = (paid_micros IS NOT NULL))
);
COMMENT ON TABLE redemption IS 'Buyers who asked for what they had not spent';
CREATE INDEX redemption_of_instrument ON redemption (book_id, instrument_id, asked_at);
CREATE INDEX redemption_open ON redemption (asked_at) WHERE ended_at IS NULL;
