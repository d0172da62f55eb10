-- The master keys that a database has had, by name and in order: the newest that has begun seals. Empty as long as there
-- was one only. A name is a digest, from which nobody learns the key.
CREATE TABLE master_key (
    generation integer PRIMARY KEY,
    key_name bytea NOT NULL UNIQUE,
    digests_sealed bytea NOT NULL, -- what digests and form tokens are made with while this one seals
    announced_at timestamptz NOT NULL, -- since then processes are to know it
    begun_at timestamptz, -- since then it seals
    resealed_at timestamptz -- since then nothing is sealed with an older one
);

-- Which master keys a process knows; null: it is of a release that knows one only.
ALTER TABLE pulse ADD COLUMN master_keys bytea[];
