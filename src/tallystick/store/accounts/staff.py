"""Who works for which seller, and who runs the service itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("staff.sql", __package__)


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


async def posts_of(database: Database, person_id: PartyId) -> list[Post]:
    """The sellers that a person works for, by name."""
    rows = await database.fetch(_SQL["posts_of"], person_id)
    return [Post(**row) for row in rows]


async def people_of(database: Database, business_id: PartyId) -> list[Post]:
    """Those who work for a seller, in the order in which they joined."""
    rows = await database.fetch(_SQL["people_of"], business_id)
    return [Post(**row) for row in rows]


async def post_of(database: Database, business_id: PartyId, person_id: PartyId) -> Post | None:
    """A person's post with a seller; None when there is none."""
    row = await database.fetchrow(_SQL["post_of"], business_id, person_id)
    return None if row is None else Post(**row)


async def add(database: Database, business_id: PartyId, person_id: PartyId, role: str, now: datetime) -> bool:
    """Let a person work for a seller; False when they do already, with whatever role."""
    added = await database.fetchval(_SQL["add"], business_id, person_id, role, now)
    return bool(added)


async def change_role(connection: Connection, business_id: PartyId, person_id: PartyId, role: str) -> None:
    """Give a person another role. Raises LookupError: not of the staff; LastOwnerError."""
    async with connection.transaction():
        await _lock(connection, business_id)
        changed = await connection.fetchval(_SQL["change_role"], business_id, person_id, role)
        if changed is None:
            raise LookupError(person_id)
        await _check_owner(connection, business_id)


async def remove(connection: Connection, business_id: PartyId, person_id: PartyId) -> None:
    """Let a person work for a seller no more. Raises LookupError: not of the staff; LastOwnerError."""
    async with connection.transaction():
        await _lock(connection, business_id)
        removed = await connection.fetchval(_SQL["remove"], business_id, person_id)
        if removed is None:
            raise LookupError(person_id)
        await _check_owner(connection, business_id)


async def only_owner_of(database: Database, person_id: PartyId) -> list[str]:
    """Names of the sellers for whom nobody but this person could decide."""
    rows = await database.fetch(_SQL["only_owner_of"], person_id)
    return [row["name"] for row in rows]


async def owns_any(database: Database, person_id: PartyId) -> bool:
    """Whether this person is an owner of some seller."""
    return bool(await database.fetchval(_SQL["owns_any"], person_id))


async def _lock(connection: Connection, business_id: PartyId) -> None:
    """Serialise changes of a seller's staff: two owners who remove each other at once must not both succeed."""
    await connection.execute(_SQL["lock"], business_id)


async def _check_owner(connection: Connection, business_id: PartyId) -> None:
    """Somebody must be left: an owner, or the business itself where it has a password of its own."""
    left = await connection.fetchval(_SQL["somebody_left"], business_id)
    if not left:
        raise LastOwnerError(business_id)


async def is_operator(database: Database, party_id: PartyId) -> bool:
    """Whether somebody may use the operator's pages."""
    return bool(await database.fetchval(_SQL["is_operator"], party_id))


async def add_operator(database: Database, party_id: PartyId, now: datetime) -> bool:
    """Let somebody use the operator's pages; False when they could before."""
    added = await database.fetchval(_SQL["add_operator"], party_id, now)
    return bool(added)


async def remove_operator(database: Database, party_id: PartyId) -> bool:
    """Let somebody use the operator's pages no more; False when they could not before."""
    return bool(await database.fetchval(_SQL["remove_operator"], party_id))


async def operators(database: Database) -> list[Operator]:
    """All operators, in the order in which they were added."""
    rows = await database.fetch(_SQL["operators"])
    return [Operator(**row) for row in rows]
