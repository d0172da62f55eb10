-- How people prove who they are, the mail that tells them, and what they agreed to.

CREATE TABLE mail (
    mail_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text, -- null once it was sent: it may hold a link that opens an account
    written_at timestamptz NOT NULL,
    due_at timestamptz, -- when to try; while somebody tries, until when; null: sent, or given up
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    last_error text
);
CREATE INDEX mail_due ON mail (due_at) WHERE due_at IS NOT NULL;

-- Whoever reads the mail to an address proves it with a link or a code, once. Secrets are kept as digests.
CREATE TABLE mailed_proof (
    ticket text PRIMARY KEY, -- random: names the proof on pages that ask for its code
    purpose text NOT NULL CHECK (purpose IN ('verify', 'reset', 'open')),
    party_id bigint REFERENCES party, -- null: the account is opened by this proof, or there is nobody to tell
    email text NOT NULL, -- where it was sent to
    link_digest bytea UNIQUE,
    code_digest bytea, -- bound to the ticket
    wrong_codes integer NOT NULL DEFAULT 0,
    name text, -- of the account that it opens
    password_hash text, -- same; argon2id in its text form
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX mailed_proof_party ON mailed_proof (party_id, purpose);
CREATE INDEX mailed_proof_expiry ON mailed_proof (expires_at);

CREATE TABLE passkey (
    credential_id bytea PRIMARY KEY,
    party_id bigint NOT NULL REFERENCES party,
    public_key bytea NOT NULL, -- COSE, as the authenticator gave it
    sign_count bigint NOT NULL,
    transports jsonb NOT NULL DEFAULT '[]',
    synced boolean NOT NULL, -- whether its owner's other devices may have it too
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX passkey_party ON passkey (party_id);

CREATE TABLE spent_challenge (
    challenge_digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE spent_challenge IS 'Challenges that a passkey answered: none is answered twice';

CREATE TABLE attempt_count (
    subject bytea PRIMARY KEY, -- a keyed digest of what is counted: no address is kept
    attempts integer NOT NULL,
    ends_at timestamptz NOT NULL
);
COMMENT ON TABLE attempt_count IS 'How often something was tried from one client or with one address lately';
CREATE INDEX attempt_count_end ON attempt_count (ends_at);

ALTER TABLE web_session
    ADD COLUMN party_id bigint REFERENCES party,
    ADD COLUMN began_at timestamptz,
    ADD COLUMN seen_at timestamptz,
    ADD COLUMN user_agent text;
CREATE INDEX web_session_party ON web_session (party_id);

-- What somebody agreed to, in the very words that were shown. Written before the books are asked to make it.
CREATE TABLE authorization_evidence (
    book_id bigint NOT NULL,
    authorization_id text COLLATE "C" NOT NULL, -- the instrument's id, or the token's where there is none
    party_id bigint NOT NULL, -- who agreed
    visit_id text NOT NULL,
    wording jsonb NOT NULL, -- heading, figures, promises, closing, …: actions/evidence.py
    digest bytea NOT NULL, -- of the wording; the form that agreed carried it
    agreed_at timestamptz NOT NULL, -- real time
    book_time timestamptz NOT NULL, -- by the book's clock, which a sandbox may move
    proved_at timestamptz NOT NULL, -- when password or passkey was last asked for
    proved_by text NOT NULL CHECK (proved_by IN ('password', 'passkey')),
    client_digest bytea, -- keyed: two visits from one address can be told to be so, the address cannot be read
    user_agent text NOT NULL DEFAULT '',
    PRIMARY KEY (book_id, authorization_id)
);
CREATE INDEX authorization_evidence_party ON authorization_evidence (party_id);
