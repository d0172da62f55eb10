"""Who works for which seller, and who runs the service itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database


class LastOwnerError(Exception):
    """Without this person nobody could decide for the seller any more."""


@dataclass(frozen=True, slots=True)
class Post:
    """One person's work for one seller. `role` is a value of services/seller/staff.py's Role."""

    business_id: PartyId
    business_name: str
    person_id: PartyId
    person_name: str
    person_email: str
    role: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may use the operator's pages."""

    party_id: PartyId
    email: str
    name: str
    added_at: datetime


_POSTS = """
SELECT staff.business_id, business.name AS business_name, staff.person_id, person.name AS person_name,
       person.email AS person_email, staff.role, staff.added_at
  FROM staff
  JOIN party AS business ON business.party_id = staff.business_id
  JOIN party AS person ON person.party_id = staff.person_id
"""


async def posts_of(database: Database, person_id: PartyId) -> list[Post]:
    """The sellers that a person works for, by name."""
    rows = await database.fetch(_POSTS + " WHERE staff.person_id = $1 ORDER BY business.name, business_id", person_id)
    return [Post(**row) for row in rows]


async def people_of(database: Database, business_id: PartyId) -> list[Post]:
    """Those who work for a seller, who came first first."""
    rows = await database.fetch(_POSTS + " WHERE staff.business_id = $1 ORDER BY added_at, person_id", business_id)
    return [Post(**row) for row in rows]


async def post_of(database: Database, business_id: PartyId, person_id: PartyId) -> Post | None:
    """What a person does for a seller; None when it is nothing."""
    row = await database.fetchrow(
        _POSTS + " WHERE staff.business_id = $1 AND staff.person_id = $2", business_id, person_id
    )
    return None if row is None else Post(**row)


async def add(database: Database, business_id: PartyId, person_id: PartyId, role: str, now: datetime) -> bool:
    """Let a person work for a seller; False when they do already, with whatever role."""
    added = await database.fetchval(
        "INSERT INTO staff (business_id, person_id, role, added_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING true",
        business_id,
        person_id,
        role,
        now,
    )
    return bool(added)


async def change_role(connection: Connection, business_id: PartyId, person_id: PartyId, role: str) -> None:
    """Give a person another role. Raises LookupError: not of the staff; LastOwnerError."""
    async with connection.transaction():
        await _lock(connection, business_id)
        changed = await connection.fetchval(
            "UPDATE staff SET role = $3 WHERE business_id = $1 AND person_id = $2 RETURNING true",
            business_id,
            person_id,
            role,
        )
        if changed is None:
            raise LookupError(person_id)
        await _check_owner(connection, business_id)


async def remove(connection: Connection, business_id: PartyId, person_id: PartyId) -> None:
    """Let a person work for a seller no more. Raises LookupError: not of the staff; LastOwnerError."""
    async with connection.transaction():
        await _lock(connection, business_id)
        removed = await connection.fetchval(
            "DELETE FROM staff WHERE business_id = $1 AND person_id = $2 RETURNING true", business_id, person_id
        )
        if removed is None:
            raise LookupError(person_id)
        await _check_owner(connection, business_id)


async def only_owner_of(database: Database, person_id: PartyId) -> list[str]:
    """Names of the sellers for whom nobody but this person could decide."""
    rows = await database.fetch(
        "SELECT business.name FROM staff JOIN party AS business ON business.party_id = staff.business_id"
        " WHERE staff.person_id = $1 AND staff.role = 'owner' AND business.password_hash IS NULL"
        " AND NOT EXISTS (SELECT FROM staff AS other WHERE other.business_id = staff.business_id"
        "                  AND other.role = 'owner' AND other.person_id <> $1) ORDER BY business.name",
        person_id,
    )
    return [row["name"] for row in rows]


async def _lock(connection: Connection, business_id: PartyId) -> None:
    """Two owners who remove each other at the same moment come one after the other."""
    await connection.execute("SELECT 1 FROM party WHERE party_id = $1 FOR UPDATE", business_id)


async def _check_owner(connection: Connection, business_id: PartyId) -> None:
    """Somebody must be left: an owner, or the business itself where it has a password of its own."""
    left = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM staff WHERE business_id = $1 AND role = 'owner')"
        " OR EXISTS (SELECT FROM party WHERE party_id = $1 AND password_hash IS NOT NULL)",
        business_id,
    )
    if not left:
        raise LastOwnerError(business_id)


async def is_operator(database: Database, party_id: PartyId) -> bool:
    """Whether somebody may use the operator's pages."""
    return bool(await database.fetchval("SELECT true FROM operator WHERE party_id = $1", party_id))


async def add_operator(database: Database, party_id: PartyId, now: datetime) -> bool:
    """Let somebody use the operator's pages; False when they could before."""
    added = await database.fetchval(
        "INSERT INTO operator (party_id, added_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true", party_id, now
    )
    return bool(added)


async def remove_operator(database: Database, party_id: PartyId) -> bool:
    """Let somebody use the operator's pages no more; False when they could not before."""
    return bool(await database.fetchval("DELETE FROM operator WHERE party_id = $1 RETURNING true", party_id))


async def operators(database: Database) -> list[Operator]:
    """All operators, who came first first."""
    rows = await database.fetch(
        "SELECT party_id, email, name, added_at FROM operator JOIN party USING (party_id) ORDER BY added_at, party_id"
    )
    return [Operator(**row) for row in rows]
