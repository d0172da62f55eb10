-- Whether the books still have what callers were told of. Read by acknowledged.py.

-- name: identity
-- Which database this is: that of one cluster, whatever machine it is on now.
SELECT system_identifier::text || ' ' || current_database() FROM pg_control_system()

-- name: there
-- Those of the books $1 that have their transaction among $2.
SELECT transaction.book_id
  FROM transaction
  JOIN unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
    ON transaction.book_id = asked.book_id AND transaction.transaction_id = asked.transaction_id

-- name: archived
-- Those of the books $1 whose transaction among $2 may be in the archive.
SELECT DISTINCT archive_batch.book_id
  FROM archive_batch
  JOIN unnest($1::bigint[], $2::text[]) AS asked (book_id, transaction_id)
    ON archive_batch.book_id = asked.book_id
   AND asked.transaction_id BETWEEN archive_batch.first_id AND archive_batch.last_id
