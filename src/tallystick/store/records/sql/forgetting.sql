-- Delete expired history, older than $1, in batches of $2 rows. Read by forgetting.py. Conditions are repeated in the
-- DELETE where a row may change after it is found.

-- name: answers
-- References of refusals, which are free again. Those of transactions stay for ever, also where one was refused later.
DELETE FROM answered_reference
 WHERE (book_id, reference_digest) IN (
       SELECT book_id, reference_digest FROM answered_reference
        WHERE answered_at <= $1 AND refusal IS NOT NULL AND reuses IS NULL LIMIT $2)
   AND answered_at <= $1 AND refusal IS NOT NULL AND reuses IS NULL

-- name: addresses_due
-- Agreements from before $1 that name a delivery address, of accounts that are closed; $2 of them at the most.
SELECT book_id, authorization_id
  FROM authorization_evidence JOIN party USING (party_id)
 WHERE agreed_at <= $1 AND wording -> 'address' <> '[]' AND status = 'closed'
 LIMIT $2

-- name: addresses
-- The delivery addresses of those agreements, and their salts: books $1, with their authorizations $2.
UPDATE authorization_evidence
   SET wording = jsonb_set(wording, '{address}', '[]'), address_salt = NULL
 WHERE (book_id, authorization_id) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))
   AND wording -> 'address' <> '[]'

-- name: events
-- Events that have arrived, or that nobody wanted.
DELETE FROM outbox
 WHERE (book_id, event_id) IN (
       SELECT book_id, event_id FROM outbox
        WHERE announced_at <= $1 AND state IN ('delivered', 'unwanted') LIMIT $2)
   AND state IN ('delivered', 'unwanted')

-- name: happenings
-- Events with their numbers. What waits for one is not among them.
DELETE FROM event
 WHERE (book_id, sequence) IN (SELECT book_id, sequence FROM event WHERE numbered_at <= $1 LIMIT $2)

-- name: webhook_deliveries
-- Of events to endpoints, as far as they are over.
DELETE FROM webhook_delivery
 WHERE (book_id, endpoint_id, sequence) IN (
       SELECT book_id, endpoint_id, sequence FROM webhook_delivery
        WHERE announced_at <= $1 AND state <> 'waiting' LIMIT $2)
   AND state <> 'waiting'

-- name: visits
-- Visits that nobody confirmed or left, and those that are older than $3, however they ended.
DELETE FROM cobranded_visit
 WHERE visit_id IN (
       SELECT visit_id FROM cobranded_visit
        WHERE created_at <= $1 AND (answer IS NULL OR created_at <= $3) LIMIT $2)

-- name: requests
-- Requests as they came.
DELETE FROM kept_request
 WHERE (book_id, transaction_id, request_id) IN (
       SELECT book_id, transaction_id, request_id FROM kept_request WHERE received_at <= $1 LIMIT $2)
   AND received_at <= $1

-- name: trace_links
-- In whose traces transactions were made.
DELETE FROM trace_link
 WHERE (book_id, transaction_id) IN (SELECT book_id, transaction_id FROM trace_link WHERE noted_at <= $1 LIMIT $2)
   AND noted_at <= $1
