-- In whose trace transactions were made. Read by trace_links.py.

-- name: write
-- The transactions $2 of the books $1, by the calls $3, noted at $4. The first that is noted stays.
INSERT INTO trace_link (book_id, transaction_id, traceparent, noted_at)
SELECT new.*, $4 FROM unnest($1::bigint[], $2::text[], $3::text[]) AS new
    ON CONFLICT (book_id, transaction_id) DO NOTHING

-- name: find
-- The call that made the transaction $2 of the book $1.
SELECT traceparent FROM trace_link WHERE book_id = $1 AND transaction_id = $2
