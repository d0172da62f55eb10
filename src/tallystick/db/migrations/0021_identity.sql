-- Who may sign in when: wrong passwords pause whoever typed them, not the account. And letters that nobody else reads.

CREATE TABLE sign_in_pause (
    subject bytea PRIMARY KEY, -- a keyed digest of account and client, or of a known device: neither is kept
    failed integer NOT NULL, -- wrong passwords in a row
    paused_until timestamptz,
    ends_at timestamptz NOT NULL -- when it is forgotten
);
COMMENT ON TABLE sign_in_pause IS 'How often somebody typed a wrong password for an account, and until when they wait';
CREATE INDEX sign_in_pause_end ON sign_in_pause (ends_at);

ALTER TABLE party DROP COLUMN failed_sign_ins, DROP COLUMN locked_until;

-- A letter's text and its full subject are sealed until it was sent: links and codes in it open accounts. `subject` is
-- what operators may read; `body` is of letters that were written before.
ALTER TABLE mail ADD COLUMN sealed bytea;

-- Agreements that name where to deliver to: the worker looks for those that may no longer.
CREATE INDEX authorization_evidence_address ON authorization_evidence (agreed_at) WHERE wording -> 'address' <> '[]';
