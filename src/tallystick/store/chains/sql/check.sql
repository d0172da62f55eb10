-- What the proof of the chains asks besides. Read by check.py.

-- name: closed_accounts
-- Which of the accounts $1 are closed.
SELECT party_id FROM party
 WHERE party_id = ANY($1::bigint[]) AND (status = 'closed' OR email = 'closed-' || party_id || '@closed.invalid')
