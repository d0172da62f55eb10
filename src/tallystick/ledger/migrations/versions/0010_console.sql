-- What the seller's console keeps.

CREATE TABLE staff_invitation (
    invitation_key text PRIMARY KEY, -- a digest of the secret in the link
    business_id bigint NOT NULL REFERENCES party,
    email text NOT NULL CHECK (email = lower(email)),
    role text NOT NULL CHECK (role IN ('owner', 'finance', 'developer', 'viewer')),
    invited_by bigint NOT NULL REFERENCES party,
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (business_id, email) -- who is invited again has a new link and a new role
);
COMMENT ON TABLE staff_invitation IS 'Invitations that nobody took up yet; the audit log has those that ended';

CREATE TABLE access_key_use (
    access_key_id text PRIMARY KEY REFERENCES access_key,
    used_at timestamptz NOT NULL -- real time, true to about a minute
);
COMMENT ON TABLE access_key_use IS 'When a call was last signed with a key; apart, so that calls never write access_key';

CREATE TABLE branding (
    party_id bigint PRIMARY KEY REFERENCES party,
    display_name text CHECK (display_name <> ''), -- null: the account's own name
    accent text CHECK (accent ~ '^#[0-9a-f]{6}$'), -- null: the service's own colour
    support_link text, -- https or mailto; null: none is shown
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE branding IS 'How a seller looks on the hosted pages; the picture is in logo';

-- the delivery log, newest first; what was sent is kept for a while after it arrived
CREATE INDEX outbox_log ON outbox (book_id, announced_at, event_id) WHERE state <> 'unwanted';
CREATE INDEX outbox_kept ON outbox (delivered_at) WHERE state = 'delivered' AND message IS NOT NULL;

CREATE TABLE simulated_fault (
    book_id bigint NOT NULL,
    fault_id text NOT NULL,
    operation text NOT NULL CHECK (operation IN ('charge', 'authorize', 'refund')),
    decline text, -- the status code; null: the order goes well, once it is let go
    holds boolean NOT NULL, -- no answer before it is let go
    ordered_at timestamptz NOT NULL,
    idempotency_key text, -- the order that it met; null: it waits for one
    met_at timestamptz,
    released_at timestamptz, -- when it was let go
    PRIMARY KEY (book_id, fault_id),
    UNIQUE (book_id, idempotency_key),
    CHECK (holds OR decline IS NOT NULL),
    CHECK ((idempotency_key IS NULL) = (met_at IS NULL))
);
COMMENT ON TABLE simulated_fault IS 'Faults on order: the simulated rail''s own memory, as simulated_charge is';
