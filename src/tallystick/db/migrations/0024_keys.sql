-- An access key is made for something, for programs somewhere, for a while, by somebody.

ALTER TABLE access_key ADD COLUMN name text NOT NULL DEFAULT ''; -- what its maker calls it
ALTER TABLE access_key ADD COLUMN scopes integer NOT NULL DEFAULT 511; -- the sum of the numbers in domain/scopes.py
ALTER TABLE access_key ADD COLUMN networks cidr[] NOT NULL DEFAULT '{}'; -- where its calls come from; none: anywhere
ALTER TABLE access_key ADD COLUMN calls_per_second integer; -- null: as the settings have it
ALTER TABLE access_key ADD COLUMN planned_end timestamptz; -- null: none; a rotation lets expires_at come before it
ALTER TABLE access_key ADD COLUMN made_by bigint; -- null: by a command, or before this was noted
ALTER TABLE access_key ADD CONSTRAINT access_key_calls_per_second CHECK (calls_per_second > 0);
ALTER TABLE access_key ADD CONSTRAINT access_key_maker FOREIGN KEY (made_by) REFERENCES party (party_id);

-- What calls depend on of the key that signed them. The release before goes on with key_terms, which can go when nothing
-- runs of it any more.
CREATE TYPE access_key_terms AS (
    access_key_id text,
    party_id bigint,
    environment text,
    expires_at timestamptz,
    status text,
    book_id bigint,
    clock_offset_seconds bigint,
    parts bigint[],
    scopes integer,
    networks text[],
    calls_per_second integer
);
