-- What of the worker's work is due. Read by due_loops.py.

-- name: due
-- The names of the worker's loops that would find something at $1. Each part asks what its loop asks first, by the index that the
-- loop uses: ORDER BY keeps the planner to it, whatever was in the tables when they were last counted. $2: redemptions that were
-- asked for since then may be under way; $3: letters from before it are not sent any more.
(SELECT 'rails' AS loop FROM rail_request WHERE due_at <= $1 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'rails' FROM (/* part: ended_by_time */) AS ended LIMIT 1)
 UNION ALL
(SELECT 'payouts' FROM payout_schedule WHERE next_at <= $1 ORDER BY next_at LIMIT 1)
 UNION ALL
(SELECT 'payouts' FROM payout WHERE due_at <= $1 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'redemptions' FROM redemption
  WHERE ended_at IS NULL AND asked_at < $2 AND (claimed_until IS NULL OR claimed_until < $2) ORDER BY asked_at LIMIT 1)
 UNION ALL
(SELECT 'rail_events' FROM rail_event WHERE due_at <= $1 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'notifications' FROM outbox WHERE state = 'waiting' AND due_at <= $1 ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'events' FROM event_queue ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'webhooks' FROM webhook_delivery WHERE state = 'waiting' AND due_at <= $1 ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'disputes' /* part: untold_disputes */ ORDER BY book_id LIMIT 1)
 UNION ALL
(SELECT 'chains' FROM audit_entry WHERE chain_sequence IS NULL ORDER BY audit_id LIMIT 1)
 UNION ALL
(SELECT 'chains' FROM authorization_evidence WHERE chain_sequence IS NULL ORDER BY agreed_at LIMIT 1)
 UNION ALL
(SELECT 'mail' FROM mail WHERE due_at <= $1 AND written_at > $3 ORDER BY due_at LIMIT 1)
 UNION ALL
(SELECT 'proofs' FROM verification_run WHERE finished_at IS NULL AND due_at <= $1 LIMIT 1)
