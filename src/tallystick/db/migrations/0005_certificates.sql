-- Certificates with which sellers sign SOAP requests. They are public: what is kept secret is on the seller's side.

CREATE TABLE certificate (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{64}$'), -- SHA-256 of the whole certificate: says whose it is
    party_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'live')),
    certificate_der bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, -- as the certificate itself says
    revoked_at timestamptz
);
CREATE INDEX certificate_party ON certificate (party_id);
