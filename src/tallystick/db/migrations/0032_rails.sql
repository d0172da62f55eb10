-- Several rails: what each was asked, the events they send, how means of payment are set up there.

-- Stays when the request is gone: which rail a payment went through, and what that rail calls it.
CREATE TABLE rail_operation (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    operation text NOT NULL, -- domain/commands.py: RailOperation
    rail text NOT NULL,
    reference text COLLATE "C", -- the rail's own, as soon as it is known
    fee_micros bigint, -- what the rail kept of the amount, where it says so; the books have it by the rail's statement
    decline text, -- the rail's own word for a decline
    action_url text, -- where the buyer confirms; empty: the means of payment is set up once more
    action_at timestamptz, -- when that was asked for; null: never
    acted_at timestamptz, -- when the buyer came back from there
    PRIMARY KEY (book_id, transaction_id, operation)
);
CREATE INDEX rail_operation_reference ON rail_operation (reference) WHERE reference IS NOT NULL;
COMMENT ON TABLE rail_operation IS 'What rails were asked; before this table there was the simulated rail alone';

ALTER TABLE rail_request ADD COLUMN asked_at timestamptz; -- when the rail was asked first
ALTER TABLE rail_request DROP CONSTRAINT rail_request_operation_check;
ALTER TABLE rail_request ADD CONSTRAINT rail_request_operation_check
    CHECK (operation IN ('charge', 'authorize', 'capture', 'void', 'refund', 'return'));

CREATE TABLE rail_event (
    rail text NOT NULL,
    event_id text COLLATE "C" NOT NULL, -- the rail's own
    environment text NOT NULL,
    object_kind text NOT NULL, -- processors/rail.py: HintKind
    reference text NOT NULL,
    idempotency_key text, -- of our order, where the event carries it
    received_at timestamptz NOT NULL,
    due_at timestamptz, -- when the worker should look at the object; null: it did
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    PRIMARY KEY (rail, event_id)
);
CREATE INDEX rail_event_due ON rail_event (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX rail_event_received ON rail_event (received_at);
COMMENT ON TABLE rail_event IS 'Events of rails, each once: hints, whose objects are then asked for';

CREATE TABLE rail_setup (
    setup_id text PRIMARY KEY, -- random: part of the address to which the rail sends the buyer back
    party_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    rail text NOT NULL,
    method text NOT NULL CHECK (method IN ('CC', 'ACH')),
    reference text, -- the rail's own; null: the rail has not answered yet
    url text, -- where the buyer goes
    back_to text NOT NULL, -- the page of ours on which the buyer goes on, from its slash
    replaces_id bigint, -- the means of payment that is set up once more, and replaced by what is found
    begun_at timestamptz NOT NULL,
    ended_at timestamptz, -- found, or given up
    payment_method_id bigint -- what was found
);
CREATE INDEX rail_setup_begun ON rail_setup (begun_at);
CREATE INDEX rail_setup_reference ON rail_setup (reference) WHERE reference IS NOT NULL;
COMMENT ON TABLE rail_setup IS 'Buyers on their way to a rail and back, to set up a card or bank account';

-- What the simulated rail remembers, as a real one would: in commits of its own, never joined with the books.
ALTER TABLE simulated_charge ADD COLUMN reference text; -- what it calls the order; null: made by an earlier version
ALTER TABLE simulated_charge ADD COLUMN fee_micros bigint NOT NULL DEFAULT 0;
ALTER TABLE simulated_charge DROP CONSTRAINT simulated_charge_operation_check;
ALTER TABLE simulated_charge ADD CONSTRAINT simulated_charge_operation_check
    CHECK (operation IN ('charge', 'authorize', 'capture', 'void', 'refund', 'return'));
CREATE INDEX simulated_charge_reference ON simulated_charge (reference) WHERE reference IS NOT NULL;

CREATE TABLE simulated_setup (
    reference text PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    kind text NOT NULL,
    return_url text NOT NULL,
    cancel_url text NOT NULL,
    begun_at timestamptz NOT NULL,
    outcome text CHECK (outcome IN ('complete', 'abandoned')), -- null: the buyer is still there
    rail_token text UNIQUE,
    brand text,
    last_four text,
    expires_on date,
    CHECK ((rail_token IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'complete'))
);
COMMENT ON TABLE simulated_setup IS 'Set-ups at the simulated provider''s page';

CREATE TABLE simulated_confirmation (
    rail_token text PRIMARY KEY, -- the card whose owner has confirmed, so that it is charged from now on
    confirmed_at timestamptz NOT NULL
);
