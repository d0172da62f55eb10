-- Who is who: few rows, read often, written rarely. On Citus these become reference tables.
-- Every moment is passed in by the program; nothing here reads the database's clock.

CREATE TABLE party (
    party_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('business', 'personal')),
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL CHECK (name <> ''),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed')),
    email_verified_at timestamptz,
    verified_at timestamptz, -- when a bank account or card was found to be this party's
    receives_cards boolean NOT NULL DEFAULT true, -- whether payments by card may go to it
    marketplace boolean NOT NULL DEFAULT true, -- whether it may, as a caller, act for other recipients
    denied boolean NOT NULL DEFAULT false, -- the operator holds back what it would pay or receive, for now
    password_hash text, -- argon2id in its own text form; null: this party cannot sign in with a password
    failed_sign_ins integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE party IS 'A business account (seller and caller) or a personal account (buyer)';

CREATE TABLE logo (
    party_id bigint PRIMARY KEY REFERENCES party,
    digest text NOT NULL, -- of the picture; its address, which changes with it
    media_type text NOT NULL CHECK (media_type IN ('image/png', 'image/jpeg')),
    picture bytea NOT NULL CHECK (length(picture) <= 65536),
    saved_at timestamptz NOT NULL
);
CREATE INDEX logo_digest ON logo (digest);

CREATE TABLE access_key (
    access_key_id text PRIMARY KEY,
    party_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    secret_sealed bytea NOT NULL, -- AES-256-GCM under the master key, bound to access_key_id
    created_at timestamptz NOT NULL,
    expires_at timestamptz, -- set when a rotation gave it an overlap
    revoked_at timestamptz
);
CREATE INDEX access_key_party ON access_key (party_id);

CREATE TABLE book (
    book_id bigint PRIMARY KEY CHECK (book_id > 0), -- random, so that books spread over shards and ids tell nothing
    party_id bigint REFERENCES party, -- null: the operator's own book, the mirror of the outside
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    part integer NOT NULL DEFAULT 0, -- a very large seller may have several
    minimum_charge_micros bigint NOT NULL DEFAULT 10000 CHECK (minimum_charge_micros > 0),
    clock_offset_seconds bigint NOT NULL DEFAULT 0 CHECK (clock_offset_seconds >= 0), -- the sandbox's test clock
    notification_url text,
    created_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (party_id, environment, currency, part)
);
COMMENT ON TABLE book IS 'The complete double-entry books of one seller in one environment and one currency';

CREATE TABLE payment_method (
    payment_method_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    method text NOT NULL CHECK (method IN ('CC', 'ACH')), -- the account balance (ABT) is always there and has no row
    rail text NOT NULL, -- which rail knows the token
    rail_token text NOT NULL, -- never a card or account number
    label text NOT NULL, -- "Visa", "Checking account"
    last_four text NOT NULL CHECK (last_four ~ '^[0-9]{4}$'),
    expires_on date, -- cards: the last day on which it can be charged
    created_at timestamptz NOT NULL,
    verified_at timestamptz, -- when it was found to be the party's own
    removed_at timestamptz
);
CREATE INDEX payment_method_party ON payment_method (party_id, environment);

CREATE TABLE web_session (
    session_key text PRIMARY KEY, -- a digest of what the cookie holds
    data bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX web_session_expiry ON web_session (expires_at);

CREATE TABLE signing_key (
    name text PRIMARY KEY, -- the date in the certificate's path
    private_key_sealed bytea NOT NULL, -- PKCS#8, AES-256-GCM under the master key, bound to name
    certificate_pem text NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz -- no longer signs; its certificate stays served
);

CREATE TABLE cobranded_visit (
    visit_id text PRIMARY KEY, -- random: whoever holds it may go on with this visit
    caller_party_id bigint NOT NULL REFERENCES party,
    access_key_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    pipeline text NOT NULL,
    parameters jsonb NOT NULL, -- decoded, without the signature
    request_digest bytea NOT NULL, -- same request, same digest: finished visits are answered again with the same ids
    created_at timestamptz NOT NULL,
    sender_party_id bigint REFERENCES party, -- the buyer who chose, and later confirmed
    choices jsonb NOT NULL DEFAULT '{}', -- what the buyer chose so far: means of payment, address
    status text, -- SA, SB, SC, A, … once finished
    answer jsonb, -- the parameters of the return URL, before signing; ids are written here before the books make them
    finished_at timestamptz
);
CREATE INDEX cobranded_visit_request ON cobranded_visit (caller_party_id, environment, request_digest);
