-- Codes that are mailed to buyers let them into an account without a password.
ALTER TABLE mailed_proof DROP CONSTRAINT mailed_proof_purpose_check;
ALTER TABLE mailed_proof ADD CONSTRAINT mailed_proof_purpose_check
    CHECK (purpose IN ('verify', 'reset', 'open', 'enter'));
ALTER TABLE authorization_evidence DROP CONSTRAINT authorization_evidence_proved_by_check;
ALTER TABLE authorization_evidence ADD CONSTRAINT authorization_evidence_proved_by_check
    CHECK (proved_by IN ('password', 'passkey', 'code', 'mailed'));
