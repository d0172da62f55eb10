-- Requests as they came, beside the transactions that they led to. Read by kept_requests.py.

-- name: write
-- Several at once: an array for each column.
INSERT INTO kept_request (book_id, transaction_id, request_id, received_at, verb, host, path, content)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                     $8::text[])
    ON CONFLICT DO NOTHING

-- name: of_transaction
-- At most $3, the oldest first.
SELECT request_id, received_at, verb, host, path, content FROM kept_request
 WHERE book_id = $1 AND transaction_id = $2
 ORDER BY received_at, request_id LIMIT $3
