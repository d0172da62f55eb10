-- The hosts to which a seller's buyers return: claimed, so that nobody else's links lead there.

CREATE TABLE return_host (
    party_id bigint NOT NULL REFERENCES party,
    host text NOT NULL, -- in lower case, without a port and without a dot at the end
    token text NOT NULL, -- what the host has to show at its well-known path
    begun_at timestamptz NOT NULL,
    claimed_at timestamptz, -- null: asked for, and not proved yet
    proved_by text CONSTRAINT return_host_proof CHECK (proved_by IN ('file', 'operator')),
    PRIMARY KEY (party_id, host),
    CONSTRAINT return_host_claimed_by_proof CHECK ((claimed_at IS NULL) = (proved_by IS NULL))
);
CREATE UNIQUE INDEX return_host_claimed ON return_host (host) WHERE claimed_at IS NOT NULL;
COMMENT ON TABLE return_host IS 'Hosts that sellers have claimed, or asked for: one seller at most has each';

CREATE TABLE return_host_guest (
    party_id bigint NOT NULL, -- whose host it is
    host text NOT NULL,
    guest_id bigint NOT NULL REFERENCES party, -- the other seller whose links may lead there, too
    allowed_at timestamptz NOT NULL,
    PRIMARY KEY (party_id, host, guest_id),
    FOREIGN KEY (party_id, host) REFERENCES return_host ON DELETE CASCADE
);

-- The browser in which a visit was finished, as a digest of its cookie: it is told the answer again.
ALTER TABLE cobranded_visit ADD COLUMN browser_digest bytea;

-- A signing key can be revoked: nothing that it signed is good any more. The private half of a key that signs no more
-- can be destroyed.
ALTER TABLE signing_key ADD COLUMN revoked_at timestamptz;
ALTER TABLE signing_key ALTER COLUMN private_key_sealed DROP NOT NULL;

-- By which method a seller's notifications and return URLs are signed.
ALTER TABLE book ADD COLUMN signature_method text NOT NULL DEFAULT 'RSA-SHA1';
ALTER TABLE book ADD CONSTRAINT book_signature_method CHECK (signature_method IN ('RSA-SHA1', 'RSA-SHA256'));
