-- The hosts to which a seller's buyers return. Read by return_hosts.py. $1 is the seller, $2 the host, except where said
-- otherwise.

-- part: columns
SELECT party_id, host, token, begun_at, claimed_at, proved_by,
       ARRAY(SELECT guest_id FROM return_host_guest AS guest
              WHERE guest.party_id = claim.party_id AND guest.host = claim.host ORDER BY guest_id) AS guests
  FROM return_host AS claim

-- name: of_seller
-- All that the seller claimed or asked for, by name.
/* part: columns */
 WHERE party_id = $1
 ORDER BY host

-- name: find
/* part: columns */
 WHERE party_id = $1 AND host = $2

-- name: ask
-- Asked for with the token $3; asked again, it stays as it was.
INSERT INTO return_host (party_id, host, token, begun_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (party_id, host) DO NOTHING

-- name: claim
-- Proved: by the file or by the operator ($4). Fails where another seller has it.
UPDATE return_host SET claimed_at = $3, proved_by = $4 WHERE party_id = $1 AND host = $2 AND claimed_at IS NULL

-- name: release
-- Not the seller's any more, and with it those whom it allowed.
DELETE FROM return_host WHERE party_id = $1 AND host = $2

-- name: allow
-- The links of another seller ($3) may lead there, too.
INSERT INTO return_host_guest (party_id, host, guest_id, allowed_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING

-- name: disallow
DELETE FROM return_host_guest WHERE party_id = $1 AND host = $2 AND guest_id = $3

-- name: closed_to
-- Those of the hosts $2 that a seller other than $1 claimed, and to which it does not let $1 lead. What a closed account
-- claimed does not count.
SELECT claim.host
  FROM return_host AS claim
  JOIN party USING (party_id)
 WHERE claim.host = ANY($2::text[]) AND claim.claimed_at IS NOT NULL AND claim.party_id <> $1 AND party.status <> 'closed'
   AND NOT EXISTS (
       SELECT FROM return_host_guest AS guest
        WHERE guest.party_id = claim.party_id AND guest.host = claim.host AND guest.guest_id = $1)
