"""Invitations of staff that nobody took up yet. The secret in the link never reaches the database: its digest does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_FIND: Final = """
SELECT business_id, business.name AS business_name, invitation.email, role, invited_by, inviter.name AS invited_by_name,
       invited_at, expires_at
  FROM staff_invitation AS invitation
  JOIN party AS business ON business.party_id = business_id
  JOIN party AS inviter ON inviter.party_id = invited_by
"""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody may join a seller's staff. `role` is a value of services/seller/staff.py's Role."""

    business_id: PartyId
    business_name: str
    email: str
    role: str
    invited_by: PartyId
    invited_by_name: str
    invited_at: datetime
    expires_at: datetime


def _key(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


async def save(
    database: Database,
    secret: str,
    business_id: PartyId,
    email: str,
    role: str,
    invited_by: PartyId,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Invite an address, in lower case; an earlier invitation of it is over."""
    await database.execute(
        "INSERT INTO staff_invitation (invitation_key, business_id, email, role, invited_by, invited_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (business_id, email) DO UPDATE"
        " SET invitation_key = excluded.invitation_key, role = excluded.role, invited_by = excluded.invited_by,"
        " invited_at = excluded.invited_at, expires_at = excluded.expires_at",
        _key(secret),
        business_id,
        email,
        role,
        invited_by,
        now,
        expires_at,
    )


async def find(database: Database, secret: str, now: datetime) -> Invitation | None:
    """The invitation behind a link that still counts."""
    row = await database.fetchrow(_FIND + " WHERE invitation_key = $1 AND expires_at > $2", _key(secret), now)
    return None if row is None else Invitation(**row)


async def of_business(database: Database, business_id: PartyId, now: datetime) -> list[Invitation]:
    """A seller's invitations that still count, the oldest first."""
    rows = await database.fetch(
        _FIND + " WHERE business_id = $1 AND expires_at > $2 ORDER BY invited_at, invitation.email", business_id, now
    )
    return [Invitation(**row) for row in rows]


async def end(database: Database, business_id: PartyId, email: str) -> bool:
    """Take an invitation back, or up; False when there was none (any more)."""
    ended = await database.fetchval(
        "DELETE FROM staff_invitation WHERE business_id = $1 AND email = $2 RETURNING true", business_id, email
    )
    return bool(ended)
