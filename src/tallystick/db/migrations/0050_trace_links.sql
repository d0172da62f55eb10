-- In whose trace a transaction was made: for what another process does because of it. Only where calls are traced.
CREATE TABLE trace_link (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    traceparent text NOT NULL CHECK (length(traceparent) <= 64), -- W3C Trace Context, of the call that made it
    noted_at timestamptz NOT NULL, -- real time
    PRIMARY KEY (book_id, transaction_id)
);
COMMENT ON TABLE trace_link IS 'Which sampled calls made which transactions; kept for some days';
CREATE INDEX trace_link_by_age ON trace_link (noted_at);
