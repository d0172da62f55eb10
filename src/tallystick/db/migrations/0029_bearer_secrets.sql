-- A second secret of an access key, for calls in JSON, which send it as it is: no more than its digest is kept.
ALTER TABLE access_key ADD COLUMN bearer_digest bytea; -- SHA-256; null: the key has none
ALTER TABLE access_key ADD COLUMN json_version text; -- of the interface, when the key first called it; null: not yet
ALTER TABLE access_key ADD CONSTRAINT access_key_bearer_digest CHECK (length(bearer_digest) = 32);
