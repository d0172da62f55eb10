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

-- What the console's first page draws. Adding up a seller's payments of months at every look would take seconds: what is
-- over and can change no more is added up once, in slices of five minutes. Derived: deleting it all loses nothing.
CREATE TABLE figure_slice (
    book_id bigint NOT NULL,
    starts_at timestamptz NOT NULL, -- by the book's clock
    figure text NOT NULL, -- what was counted: ledger/figures.sql
    number bigint NOT NULL,
    amount_micros bigint NOT NULL,
    PRIMARY KEY (book_id, starts_at, figure)
);

CREATE TABLE figure_state (
    book_id bigint PRIMARY KEY, -- books whose console was never opened have no row, and cost nothing
    added_until timestamptz NOT NULL, -- the slices before this moment are in figure_slice
    debt jsonb, -- how old the debts were when they were last looked through
    debt_at timestamptz
);

-- refusals of a book by time; payments that go well are not in it
CREATE INDEX answered_refusal ON answered_reference (book_id, answered_at) WHERE refusal IS NOT NULL;

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

-- What the operator's pages keep.

CREATE TABLE pulse (
    process_id text NOT NULL, -- random: each start of a process has its own
    at timestamptz NOT NULL,
    kind text NOT NULL, -- what the process does: api, worker, or both
    started_at timestamptz NOT NULL,
    seconds double precision NOT NULL CHECK (seconds > 0), -- since the pulse before
    calls bigint NOT NULL, -- answered in that time
    refused bigint NOT NULL, -- of them
    counts jsonb NOT NULL, -- what was done in that time: actions/meter.py
    PRIMARY KEY (process_id, at)
);
CREATE INDEX pulse_at ON pulse (at);
COMMENT ON TABLE pulse IS 'What each process did lately, for the operator''s eyes; kept for an hour';

-- the operator's filters
CREATE INDEX audit_entry_actor ON audit_entry (actor_id, audit_id);
CREATE INDEX audit_entry_subject ON audit_entry (subject, audit_id);

CREATE TABLE verification_run (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    asked_by bigint REFERENCES party, -- null: nobody, it was time for one
    due_at timestamptz, -- when a worker may take it: also the lease of the one at it; null: it is over
    started_at timestamptz,
    finished_at timestamptz,
    failure text, -- why it came to no result, for people
    problems integer, -- how many; null: no result
    unexplained_micros bigint, -- how far balances are from what transfers make of them, over all accounts
    report jsonb, -- ledger/verify.py's Report
    CHECK ((due_at IS NULL) = (finished_at IS NOT NULL)),
    CHECK ((problems IS NULL) = (report IS NULL) AND (problems IS NULL) = (unexplained_micros IS NULL))
);
CREATE UNIQUE INDEX verification_run_open ON verification_run ((finished_at IS NULL)) WHERE finished_at IS NULL;
COMMENT ON TABLE verification_run IS 'Proofs of the books that somebody asked for: one at a time, done by a worker';

-- why a rail's result is not known, for people; null while it is only slow
ALTER TABLE rail_request ADD COLUMN last_error text;

CREATE TABLE debt_run (
    book_id bigint NOT NULL,
    run_id text COLLATE "C" NOT NULL, -- random; the references of its charges begin with it
    deed text NOT NULL CHECK (deed IN ('settle', 'write_off')),
    started_by bigint NOT NULL, -- one of the staff
    started_at timestamptz NOT NULL,
    PRIMARY KEY (book_id, run_id)
);
COMMENT ON TABLE debt_run IS 'Debts that staff settled or wrote off together; what came of each is in its lines';

CREATE TABLE debt_run_line (
    book_id bigint NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    instrument_id text COLLATE "C" NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    transaction_id text COLLATE "C", -- none yet: not begun, or refused
    refusal text,
    message text,
    PRIMARY KEY (book_id, run_id, instrument_id),
    FOREIGN KEY (book_id, run_id) REFERENCES debt_run,
    CHECK (transaction_id IS NULL OR refusal IS NULL)
);

-- the console's lists, newest first; both tables are written when somebody agrees, not when they pay
CREATE INDEX instrument_listed ON instrument (book_id, created_at, instrument_id);
CREATE INDEX token_listed ON token (book_id, created_at, token_id);
