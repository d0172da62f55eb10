-- Invitations of staff. Read by invitations.py.

-- part: invitation
-- Invitations with the names of those who are asked, and who asked them.
SELECT business_id, business.name AS business_name, invitation.email, role, invited_by, inviter.name AS invited_by_name,
       invited_at, expires_at
  FROM staff_invitation AS invitation
  JOIN party AS business ON business.party_id = business_id
  JOIN party AS inviter ON inviter.party_id = invited_by

-- name: save
-- One of an address; an earlier one of the same seller to it is over.
INSERT INTO staff_invitation (invitation_key, business_id, email, role, invited_by, invited_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (business_id, email) DO UPDATE SET invitation_key = excluded.invitation_key, role = excluded.role,
       invited_by = excluded.invited_by, invited_at = excluded.invited_at, expires_at = excluded.expires_at

-- name: find
-- The one with the key $1, unless it has ended by $2.
/* part: invitation */
 WHERE invitation_key = $1 AND expires_at > $2

-- name: of_business
-- Those of the seller $1 that have not ended by $2, the oldest first.
/* part: invitation */
 WHERE business_id = $1 AND expires_at > $2 ORDER BY invited_at, invitation.email

-- name: end
-- Taken back, or taken up.
DELETE FROM staff_invitation WHERE business_id = $1 AND email = $2 RETURNING true
