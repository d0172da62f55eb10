-- Payouts by transfers to sellers' own accounts at a payment provider.
ALTER TABLE payout ADD COLUMN asked_first timestamptz; -- when the rail was asked first: providers forget keys

CREATE TABLE payout_onboarding (
    business_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL,
    account_id text NOT NULL, -- the provider's
    begun_at timestamptz NOT NULL,
    finished_at timestamptz, -- when the provider first said that transfers go there
    PRIMARY KEY (business_id, environment)
);
COMMENT ON TABLE payout_onboarding IS 'Accounts at a payment provider that sellers began to open; where payouts go is a payout_destination';
