-- Payments that are decided from memory are checked while they are written.

-- Raised by whoever changes an instrument of the account, or one of its tokens. Its rows tell so, too, by their versions; this
-- tells a payment that waits for the account while that is done.
ALTER TABLE account ADD COLUMN terms_version bigint NOT NULL DEFAULT 0;

CREATE TYPE remembered_change AS (account_id bigint, delta_micros bigint, terms_version bigint);
CREATE TYPE remembered_token AS (token_id text, token_version xid, instrument_id text, instrument_version xid,
                                 party_id bigint, party_version xid);
