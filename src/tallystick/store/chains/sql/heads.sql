-- Where chains end. Read by heads.py.

-- name: heads
-- Where chains end. $1: these alone.
SELECT chain, sequence, digest FROM chain_head WHERE $1::text[] IS NULL OR chain = ANY($1)

-- name: move_heads
-- The chains $1 end at $2 now, with the digests $3; at the moment $4.
INSERT INTO chain_head AS head (chain, sequence, digest, moved_at)
SELECT new.chain, new.sequence, new.digest, $4
  FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS new (chain, sequence, digest)
    ON CONFLICT (chain) DO UPDATE
   SET sequence = excluded.sequence, digest = excluded.digest, moved_at = excluded.moved_at

-- name: heads_to_anchor
-- $1 heads that moved and were last told before $2, or were told before $3, whether they moved or not. Always: the chain $4.
-- Told after the present moment $5: by a clock that was ahead, which is not waited for.
SELECT chain, sequence, digest
  FROM chain_head
 WHERE (sequence > anchored_sequence AND (anchored_at IS NULL OR anchored_at <= $2 OR anchored_at > $5))
    OR anchored_at <= $3
    OR chain = $4
 ORDER BY chain IS NOT DISTINCT FROM $4 DESC, anchored_at NULLS FIRST, chain
 LIMIT $1
   FOR UPDATE SKIP LOCKED

-- name: anchored
-- The heads of the chains $1 were told at $2.
UPDATE chain_head SET anchored_sequence = sequence, anchored_at = $2 WHERE chain = ANY($1::text[])
