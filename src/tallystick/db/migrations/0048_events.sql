-- Everything that happens at a seller's, in one row with numbers that have no gap.

-- What happened, written by the commit that did it; a pass of the worker numbers it soon after.
CREATE TABLE event_queue (
    book_id bigint NOT NULL, -- where it happened
    subject_id text COLLATE "C" NOT NULL, -- transaction, authorization or key
    name text COLLATE "C" NOT NULL, -- what tells it from all else that happens to the subject
    number smallint NOT NULL, -- its place among that; of a transaction, which of its statuses
    type text NOT NULL, -- domain/messages/events.py
    status text, -- of the transaction when it happened
    status_code text,
    occurred_at timestamptz NOT NULL, -- the book's time
    queued_at timestamptz NOT NULL, -- real time
    PRIMARY KEY (book_id, subject_id, name)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
COMMENT ON TABLE event_queue IS 'What has happened and has no number yet';
CREATE INDEX event_queue_age ON event_queue (book_id, queued_at);

CREATE TYPE queued_event_values AS (
    subject_id text,
    name text,
    number smallint,
    type text,
    status text,
    status_code text
);

CREATE TABLE event (
    book_id bigint NOT NULL, -- the first one of the seller: all its parts have one row of numbers
    sequence bigint NOT NULL CHECK (sequence > 0),
    type text NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    numbered_at timestamptz NOT NULL, -- real time
    data json NOT NULL, -- the object as it was then; json keeps the bytes that are signed
    PRIMARY KEY (book_id, sequence)
);
COMMENT ON TABLE event IS 'What has happened, kept for a while';
CREATE INDEX event_age ON event USING brin (numbered_at) WITH (autosummarize = on);

CREATE TABLE event_head (
    book_id bigint PRIMARY KEY,
    sequence bigint NOT NULL DEFAULT 0 -- the last number that was given
);
COMMENT ON TABLE event_head IS 'How far the events of a seller are numbered; its lock is held while they are';

ALTER TABLE book
    ADD COLUMN charge_events boolean NOT NULL DEFAULT false, -- whether charges that are answered at once are events, too
    ADD COLUMN events_since timestamptz DEFAULT now(); -- nothing that expired before is told; null: a book from later on
ALTER TABLE book ALTER COLUMN events_since DROP DEFAULT;

-- what expires is found by the worker, each once
ALTER TABLE instrument ADD COLUMN expiry_told_at timestamptz;
ALTER TABLE token ADD COLUMN expiry_told_at timestamptz;
CREATE INDEX instrument_expiry ON instrument (book_id, expires_at)
    WHERE expires_at IS NOT NULL AND expiry_told_at IS NULL;
CREATE INDEX token_expiry ON token (book_id, expires_at)
    WHERE expires_at IS NOT NULL AND expiry_told_at IS NULL AND instrument_id IS NULL;
