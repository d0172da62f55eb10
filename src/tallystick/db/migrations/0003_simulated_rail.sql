-- What the simulated rail itself remembers. It stands for the outside world: other commits, never joined with the books.

CREATE TABLE simulated_charge (
    idempotency_key text PRIMARY KEY,
    operation text NOT NULL DEFAULT 'charge'
        CHECK (operation IN ('charge', 'authorize', 'capture', 'void', 'refund')),
    rail_token text NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    outcome text NOT NULL CHECK (outcome IN ('paid', 'declined')),
    reason text, -- why it was declined
    opened_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL -- asked before this moment, the rail says: still pending
);
