-- Statements of the bank that payouts leave from, held against the payouts. The book of both tables is the operator's.
CREATE TABLE bank_statement (
    book_id bigint NOT NULL,
    statement_id text COLLATE "C" NOT NULL, -- a digest of what is in it: a file that is given twice is one statement
    name text NOT NULL,
    account text NOT NULL, -- its last four, for people
    first_day date NOT NULL,
    last_day date NOT NULL,
    entries jsonb NOT NULL, -- as they were read; no names of people
    given_at timestamptz NOT NULL,
    booked_at timestamptz, -- null: only looked at
    arrived integer NOT NULL DEFAULT 0,
    returned integer NOT NULL DEFAULT 0,
    fees_micros bigint NOT NULL DEFAULT 0,
    unexplained_micros bigint NOT NULL DEFAULT 0 CHECK (unexplained_micros >= 0),
    findings jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (book_id, statement_id)
);
COMMENT ON TABLE bank_statement IS 'Statements of the operator''s bank, and what was found when they were held against payouts';
CREATE INDEX bank_statement_given ON bank_statement (given_at);

CREATE TABLE bank_entry (
    book_id bigint NOT NULL,
    entry_id text COLLATE "C" NOT NULL, -- the same in every statement that has the entry
    statement_id text COLLATE "C" NOT NULL, -- that had it first
    day date NOT NULL,
    amount_micros bigint NOT NULL, -- above 0 came in, before the bank's charges
    currency text NOT NULL,
    reference text NOT NULL, -- the bank's
    transaction_id text COLLATE "C", -- the payout that it belongs to; of an entry for a whole file there is a row for each
    PRIMARY KEY (book_id, entry_id)
);
COMMENT ON TABLE bank_entry IS 'What the bank booked, as far as statements were booked, each entry once';
CREATE INDEX bank_entry_of_transaction ON bank_entry (book_id, transaction_id) WHERE transaction_id IS NOT NULL;

CREATE INDEX payout_bank_reference ON payout (bank_reference) WHERE bank_reference IS NOT NULL;
