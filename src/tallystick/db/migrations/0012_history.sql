-- Settled history can be moved out of the books, and a very large seller may have several books.

-- What was moved out still counts: all that the books say is the sum of what is here and of these. ledger/archive.sql.
CREATE TABLE archived_balance (
    book_id bigint NOT NULL,
    account_id bigint NOT NULL,
    balance_micros bigint NOT NULL, -- debits less credits of the transfers that were moved out
    PRIMARY KEY (book_id, account_id)
);
CREATE TABLE archived_total (
    book_id bigint NOT NULL,
    subject_id text COLLATE "C" NOT NULL, -- the instrument; of payments without one, sender and recipient token, each
    paid_micros bigint NOT NULL, -- Pay and Reserve
    refunded_micros bigint NOT NULL,
    other_micros bigint NOT NULL, -- FundPrepaid, or SettleDebt and WriteOffDebt
    PRIMARY KEY (book_id, subject_id)
);
COMMENT ON TABLE archived_total IS 'Successful transactions that were moved out, summed by what they were made with';

-- Each batch is a directory of files; its digest covers them and the digest of the batch before.
CREATE TABLE archive_batch (
    book_id bigint NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    completed_before timestamptz NOT NULL, -- by the book's clock
    first_id text COLLATE "C" NOT NULL, -- of its transactions, the least and the greatest
    last_id text COLLATE "C" NOT NULL,
    transactions integer NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    archived_at timestamptz NOT NULL, -- real time
    PRIMARY KEY (book_id, number)
);

-- by the book's clock: what was completed before may have been moved out, nothing else was
ALTER TABLE book ADD COLUMN archived_before timestamptz;

-- Which of a seller's several books a token reference belongs to: token references are unique over all of them.
CREATE TABLE claimed_reference (
    book_id bigint NOT NULL, -- the seller's first book
    caller_reference text NOT NULL,
    part_book_id bigint NOT NULL,
    PRIMARY KEY (book_id, caller_reference)
);

-- what is deleted when it has become old, by when it was written
CREATE INDEX outbox_age ON outbox USING brin (announced_at) WITH (autosummarize = on);
CREATE INDEX cobranded_visit_age ON cobranded_visit USING brin (created_at) WITH (autosummarize = on);
