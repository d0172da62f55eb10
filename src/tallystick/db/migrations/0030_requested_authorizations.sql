-- Authorizations that a seller's program asked for in JSON: their ids are known before anybody has agreed to them.
CREATE TABLE requested_authorization (
    book_id bigint NOT NULL, -- the seller's first book
    caller_reference text COLLATE "C" NOT NULL,
    authorization_id text COLLATE "C" NOT NULL, -- what the instrument is called once a buyer agrees
    pipeline text NOT NULL,
    parameters jsonb NOT NULL, -- of the link to the hosted pages, without key and signature
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    visit_id text, -- the visit that was confirmed first, which the id went to
    PRIMARY KEY (book_id, caller_reference)
);
CREATE INDEX requested_authorization_id ON requested_authorization (book_id, authorization_id);
