"""The way back to the schemas of earlier releases, for databases that a test has filled by the present one."""

from typing import Final

from tallystick.db.migrate import FILES

_BEFORE: Final = max(number for number in FILES if number < "0022")

_STATEMENTS: Final = """
ALTER TABLE answered_reference ADD COLUMN caller_reference text COLLATE "C", ADD COLUMN caller_party_id bigint;
UPDATE answered_reference SET caller_reference = transaction.caller_reference, caller_party_id = book.party_id
  FROM transaction JOIN book USING (book_id)
 WHERE transaction.book_id = answered_reference.book_id
   AND transaction.transaction_id = answered_reference.transaction_id;
DELETE FROM answered_reference WHERE caller_reference IS NULL OR fingerprint IS NULL;
ALTER TABLE answered_reference DROP COLUMN reference_digest, DROP COLUMN reuses;
ALTER TABLE answered_reference ADD CONSTRAINT answered_reference_pkey
    PRIMARY KEY (book_id, caller_party_id, caller_reference);
ALTER TABLE answered_reference ALTER COLUMN fingerprint SET NOT NULL;
DROP INDEX answered_reference_refused;
CREATE INDEX answered_reference_age ON answered_reference USING brin (answered_at) WITH (autosummarize = on);
DROP TABLE claimed_payment, believed_time;
ALTER TABLE book DROP COLUMN parts;
ALTER TYPE book_rules DROP ATTRIBUTE parts;
UPDATE alembic_version SET version_num = '(before)';
"""

BEFORE_0022: Final = _STATEMENTS.replace("(before)", _BEFORE)
"""Answers alone come back, no refusals: their references are not kept as text."""

BEFORE_0026: Final = """
DROP TABLE master_key;
ALTER TABLE pulse DROP COLUMN master_keys;
"""
"""One master key for good; the version is for the test to set."""

BEFORE_0030: Final = "DROP TABLE requested_authorization;"
"""No authorizations that were asked for in JSON; the version is for the test to set."""

BEFORE_0029: Final = """
ALTER TABLE access_key DROP COLUMN bearer_digest, DROP COLUMN json_version;
"""
"""Keys that sign, and cannot be sent as they are; the version is for the test to set."""

BEFORE_0023: Final = """
DROP TABLE return_host_guest, return_host;
ALTER TABLE cobranded_visit DROP COLUMN browser_digest;
ALTER TABLE signing_key DROP COLUMN revoked_at;
ALTER TABLE book DROP COLUMN signature_method;
"""
"""Hosts that are claimed, and how messages are signed; the version is for the test to set."""

BEFORE_0024: Final = """
ALTER TABLE access_key DROP COLUMN name, DROP COLUMN scopes, DROP COLUMN networks, DROP COLUMN calls_per_second,
    DROP COLUMN planned_end, DROP COLUMN made_by;
DROP TYPE access_key_terms;
"""
"""Keys that are for everything, from anywhere; the version is for the test to set."""

BEFORE_0028: Final = """
DROP TABLE running_proof, proven_balance;
"""
"""No proof goes on; the version is for the test to set."""

BEFORE_0021: Final = """
DROP INDEX authorization_evidence_address;
ALTER TABLE mail DROP COLUMN sealed;
ALTER TABLE party ADD COLUMN failed_sign_ins integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz;
DROP TABLE sign_in_pause;
"""
"""Wrong passwords pause an account, whoever typed them; letters lie there in clear."""

BEFORE_0025: Final = """
DROP TRIGGER audit_entry_is_kept ON audit_entry;
DROP TRIGGER audit_entry_is_not_emptied ON audit_entry;
DROP FUNCTION keep_audit_entry;
DROP TABLE chain_head;
ALTER TABLE audit_entry DROP COLUMN chain_sequence, DROP COLUMN chained_at, DROP COLUMN previous_digest,
    DROP COLUMN chain_digest, DROP COLUMN subject_salt, DROP COLUMN subject_digest;
ALTER TABLE authorization_evidence DROP COLUMN chain_sequence, DROP COLUMN chained_at, DROP COLUMN previous_digest,
    DROP COLUMN chain_digest, DROP COLUMN device_salt, DROP COLUMN device_digest, DROP COLUMN address_salt,
    DROP COLUMN address_digest;
"""
"""The audit log and what was agreed to have no chains; rows can be changed."""

BEFORE_0027: Final = "DROP TABLE approval, approval_rule, recovery_code, second_factor;"
"""Authenticator apps, and what waits for a second person."""
