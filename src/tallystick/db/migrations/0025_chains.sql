-- The audit log and what was agreed to, in hash chains: docs/decisions/112-rows-are-chained-by-a-pass.md. A row is written
-- without its place; a pass of the worker gives it one soon after, and rows from before this migration, too.

ALTER TABLE audit_entry
    ADD COLUMN chain_sequence bigint, -- 1, 2, 3 … in the seller's chain, or the operator's; null: not chained yet
    ADD COLUMN chained_at timestamptz,
    ADD COLUMN previous_digest bytea, -- chain_digest of the row before; empty for the first
    ADD COLUMN chain_digest bytea, -- over all that cannot be erased, the digests of what can be, and the one before
    ADD COLUMN subject_salt bytea, -- null once the subject was erased: its digest then tells nothing
    ADD COLUMN subject_digest bytea;
CREATE UNIQUE INDEX audit_entry_chain ON audit_entry ((coalesce(business_id, 0)), chain_sequence);
CREATE INDEX audit_entry_unchained ON audit_entry (audit_id) WHERE chain_sequence IS NULL;

ALTER TABLE authorization_evidence
    ADD COLUMN chain_sequence bigint, -- 1, 2, 3 … in the book's chain; null: not chained yet
    ADD COLUMN chained_at timestamptz,
    ADD COLUMN previous_digest bytea,
    ADD COLUMN chain_digest bytea,
    ADD COLUMN device_salt bytea, -- of user_agent and client_digest
    ADD COLUMN device_digest bytea,
    ADD COLUMN address_salt bytea, -- of the wording's address
    ADD COLUMN address_digest bytea;
CREATE UNIQUE INDEX authorization_evidence_chain ON authorization_evidence (book_id, chain_sequence);
CREATE INDEX authorization_evidence_unchained ON authorization_evidence (agreed_at) WHERE chain_sequence IS NULL;

CREATE TABLE chain_head (
    chain text COLLATE "C" PRIMARY KEY, -- operator, seller-NUMBER, book-NUMBER
    sequence bigint NOT NULL, -- of its last row
    digest bytea NOT NULL, -- of its last row
    moved_at timestamptz NOT NULL,
    anchored_sequence bigint NOT NULL DEFAULT 0, -- up to which row the log file has it
    anchored_at timestamptz
);
COMMENT ON TABLE chain_head IS 'Where each chain of audit_entry and of authorization_evidence ends';

-- A row of the audit log gets its place in the chain, once, and loses an address when an account is closed. Nothing else.
CREATE FUNCTION keep_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.audit_id, NEW.at, NEW.actor_id, NEW.business_id, NEW.environment, NEW.action, NEW.details)
               IS NOT DISTINCT FROM
           (OLD.audit_id, OLD.at, OLD.actor_id, OLD.business_id, OLD.environment, OLD.action, OLD.details)
           AND (NEW.subject = OLD.subject OR NEW.subject ~ '^closed-[0-9]+@closed\.invalid$')
           AND (OLD.chain_sequence IS NULL
                OR (NEW.chain_sequence, NEW.chained_at, NEW.previous_digest, NEW.chain_digest, NEW.subject_digest)
                       IS NOT DISTINCT FROM
                   (OLD.chain_sequence, OLD.chained_at, OLD.previous_digest, OLD.chain_digest, OLD.subject_digest)
                   AND (NEW.subject_salt IS NULL OR NEW.subject_salt IS NOT DISTINCT FROM OLD.subject_salt))
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_entry: % is refused, rows are only ever added', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_entry_is_kept BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION keep_audit_entry();
CREATE TRIGGER audit_entry_is_not_emptied BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_entry();
