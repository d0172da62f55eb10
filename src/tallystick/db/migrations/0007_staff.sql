-- Who works for a seller and for the operator, and what they did.

-- People sign in with their personal accounts; a business account that can sign in itself is its own first owner.
CREATE TABLE staff (
    business_id bigint NOT NULL REFERENCES party,
    person_id bigint NOT NULL REFERENCES party,
    role text NOT NULL CHECK (role IN ('owner', 'finance', 'developer', 'viewer')),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, person_id)
);
CREATE INDEX staff_person ON staff (person_id);

CREATE TABLE operator (
    party_id bigint PRIMARY KEY REFERENCES party,
    added_at timestamptz NOT NULL
);
COMMENT ON TABLE operator IS 'Those who may use the operator''s pages';

CREATE TABLE audit_entry (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor_id bigint REFERENCES party, -- null: a command on the machine itself
    business_id bigint REFERENCES party, -- null: the operator's own doing
    environment text CHECK (environment IN ('sandbox', 'live')),
    action text NOT NULL, -- such as key.create; actions/audit.py lists them
    subject text NOT NULL DEFAULT '', -- what it was done to
    details jsonb NOT NULL DEFAULT '{}' -- never a secret
);
CREATE INDEX audit_entry_business ON audit_entry (business_id, audit_id);
COMMENT ON TABLE audit_entry IS 'Who did what; rows are only ever added';
