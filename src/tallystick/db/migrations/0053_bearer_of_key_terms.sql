-- What calls depend on of the key that they carry, its bearer secret among it: a cached key whose secret has ended is no
-- longer good. The release before goes on with access_key_terms, which can go when nothing runs of it any more.
CREATE TYPE carried_key_terms AS (
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
    calls_per_second integer,
    bearer_digest bytea
);
