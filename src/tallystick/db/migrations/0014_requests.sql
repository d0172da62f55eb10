-- Requests as they came, for the seller's developers: beside the books, and gone after a while. ledger/kept_requests.py.
CREATE TABLE kept_request (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    request_id text NOT NULL,
    received_at timestamptz NOT NULL, -- real time
    verb text NOT NULL,
    host text NOT NULL,
    path text NOT NULL,
    content text NOT NULL, -- the query string or the body
    PRIMARY KEY (book_id, transaction_id, request_id)
);
CREATE INDEX kept_request_by_age ON kept_request (received_at);
COMMENT ON TABLE kept_request IS 'Signed requests as they came, where there was time to keep them';
