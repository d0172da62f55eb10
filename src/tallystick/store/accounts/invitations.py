"""Invitations of staff that nobody took up yet. The secret in the link never reaches the database: its digest does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("invitations.sql", __package__)


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
    await database.execute(_SQL["save"], _key(secret), business_id, email, role, invited_by, now, expires_at)


async def find(database: Database, secret: str, now: datetime) -> Invitation | None:
    """The invitation behind a link that still counts."""
    row = await database.fetchrow(_SQL["find"], _key(secret), now)
    return None if row is None else Invitation(**row)


async def of_business(database: Database, business_id: PartyId, now: datetime) -> list[Invitation]:
    """A seller's invitations that still count, the oldest first."""
    rows = await database.fetch(_SQL["of_business"], business_id, now)
    return [Invitation(**row) for row in rows]


async def end(database: Database, business_id: PartyId, email: str) -> bool:
    """Take an invitation back, or up; False when there was none (any more)."""
    ended = await database.fetchval(_SQL["end"], business_id, email)
    return bool(ended)
