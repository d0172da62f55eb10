-- The proof of the books that goes on all the time: how far it has come, and what it found last.

CREATE TABLE running_proof (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    boundary text NOT NULL, -- transactions with ids from here on are looked at again; '' before the first proof
    open_books bigint[] NOT NULL, -- and these, which were not over: with their books
    open_transactions text[] NOT NULL,
    proven_at timestamptz NOT NULL,
    transactions bigint NOT NULL, -- that were looked at last
    unexplained_micros bigint NOT NULL,
    problems text[] NOT NULL
);
COMMENT ON TABLE running_proof IS 'What the proof that goes on all the time has come to';

-- What the transfers before the boundary come to, by account: those of transactions that are over.
CREATE TABLE proven_balance (
    book_id bigint NOT NULL,
    account_id bigint NOT NULL,
    balance_micros bigint NOT NULL,
    PRIMARY KEY (book_id, account_id)
) WITH (fillfactor = 70);
