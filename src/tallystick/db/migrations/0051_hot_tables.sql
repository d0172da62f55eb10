-- What is written by every sign-in, every visit, every use of a key has no foreign key to what every machine of a cluster
-- has a copy of: with one, Citus would count these tables as its own, and limit what can be said of them. Nobody
-- is ever deleted from party, nor a key from access_key, so that no row of theirs can lose what it refers to.
ALTER TABLE access_key_use DROP CONSTRAINT access_key_use_access_key_id_fkey;
ALTER TABLE cobranded_visit DROP CONSTRAINT cobranded_visit_caller_party_id_fkey;
ALTER TABLE cobranded_visit DROP CONSTRAINT cobranded_visit_sender_party_id_fkey;
ALTER TABLE mailed_proof DROP CONSTRAINT mailed_proof_party_id_fkey;
ALTER TABLE passkey DROP CONSTRAINT passkey_party_id_fkey;
ALTER TABLE second_factor DROP CONSTRAINT second_factor_party_id_fkey;
ALTER TABLE web_session DROP CONSTRAINT web_session_party_id_fkey;
