-- A second factor beside the password: the codes of an authenticator app (RFC 6238), and codes for when it is lost.

CREATE TABLE second_factor (
    party_id bigint PRIMARY KEY REFERENCES party,
    secret_sealed bytea NOT NULL, -- under the master key
    enrolled_at timestamptz NOT NULL,
    last_step bigint NOT NULL -- the half minute since 1970 whose code was used last: no code up to it counts again
);
COMMENT ON TABLE second_factor IS 'The authenticator app of an account, whose codes are asked for after the password';

CREATE TABLE recovery_code (
    party_id bigint NOT NULL REFERENCES second_factor ON DELETE CASCADE,
    digest bytea NOT NULL, -- keyed: the codes themselves are shown once and kept by nobody but their owner
    used_at timestamptz,
    PRIMARY KEY (party_id, digest)
);
COMMENT ON TABLE recovery_code IS 'What signs in once instead of a code of the app';

-- Somebody may have shown who they are by a code before they agreed.
ALTER TABLE authorization_evidence DROP CONSTRAINT authorization_evidence_proved_by_check;
ALTER TABLE authorization_evidence
    ADD CONSTRAINT authorization_evidence_proved_by_check CHECK (proved_by IN ('password', 'passkey', 'code'));

-- A second person for what moves much money: what a seller wants it for, and what waits for one.

CREATE TABLE approval_rule (
    business_id bigint PRIMARY KEY REFERENCES party,
    above_micros bigint NOT NULL CONSTRAINT approval_rule_above CHECK (above_micros >= 0),
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE approval_rule IS 'Above which amount a refund, a settlement or a write-off from the console needs two';

CREATE TABLE approval (
    approval_id text PRIMARY KEY, -- the reference of what is asked for: asking twice is asking once
    business_id bigint NOT NULL REFERENCES party,
    environment text NOT NULL,
    deed text NOT NULL CONSTRAINT approval_deed CHECK (deed IN ('refund', 'settle', 'write_off')),
    amount_micros bigint NOT NULL, -- all of it together
    content jsonb NOT NULL, -- what is to be done, as services/seller/approvals.py reads it
    asked_by bigint NOT NULL REFERENCES party,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decision text CONSTRAINT approval_decision CHECK (decision IN ('approved', 'declined')),
    decided_by bigint REFERENCES party,
    decided_at timestamptz,
    done_at timestamptz, -- approved, and carried out or refused by the books
    result text, -- the refund's transaction or the run; or in what words the books refused it
    refused boolean NOT NULL DEFAULT false,
    CONSTRAINT approval_decided CHECK ((decision IS NULL) = (decided_by IS NULL)),
    CONSTRAINT approval_two_people CHECK (decision IS DISTINCT FROM 'approved' OR decided_by <> asked_by)
);
COMMENT ON TABLE approval IS 'What one of a seller''s staff asked for and another one has to approve';
CREATE INDEX approval_of_business ON approval (business_id, environment, asked_at);
