-- Where events are delivered to, and what came of it.

CREATE TABLE webhook_endpoint (
    endpoint_id text COLLATE "C" PRIMARY KEY,
    business_id bigint NOT NULL, -- without a foreign key, as all that is written while the service runs: see 0051
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    url text NOT NULL,
    description text,
    types text[] NOT NULL, -- which events; none: all but charges that are answered at once
    secrets_sealed bytea NOT NULL, -- the secret, and the one before
    previous_until timestamptz, -- until when the one before signs, too
    request_digest bytea, -- of the request that made it, where a program did: the same one makes no second
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    disabled_because text CHECK (disabled_because IN ('seller', 'failures')),
    failing_since timestamptz, -- the first failure after the last success
    delivered_at timestamptz, -- the last success
    CONSTRAINT webhook_endpoint_disabled CHECK ((disabled_at IS NULL) = (disabled_because IS NULL))
);
COMMENT ON TABLE webhook_endpoint IS 'Where sellers have events delivered to';
CREATE INDEX webhook_endpoint_seller ON webhook_endpoint (business_id, environment);

CREATE TABLE webhook_delivery (
    book_id bigint NOT NULL, -- of the event: the first one of the seller
    endpoint_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    announced_at timestamptz NOT NULL, -- from when on the tries count
    due_at timestamptz NOT NULL, -- when to try (again); also the lease of the worker that tries
    attempts integer NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    last_status integer, -- the receiver's last answer
    last_error text,
    PRIMARY KEY (book_id, endpoint_id, sequence)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
COMMENT ON TABLE webhook_delivery IS 'Which event has arrived at which endpoint';
-- what is due in a book, and whether an earlier event of the same subject still waits
CREATE INDEX webhook_delivery_due ON webhook_delivery (book_id, due_at) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_order ON webhook_delivery (book_id, endpoint_id, subject_id, sequence) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_age ON webhook_delivery USING brin (announced_at) WITH (autosummarize = on);
