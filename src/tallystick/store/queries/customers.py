"""The people who buy of a seller: who they are, since when, and what they hold there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("customers.sql", __package__)


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A person who agreed to something with a seller. `since`: when first, by the book's clock; `tokens`: how many."""

    party_id: PartyId
    name: str
    email: str
    status: str
    since: datetime
    tokens: int


@dataclass(frozen=True, slots=True)
class HeldSum:
    """How many balances or tabs, and what is left on them or owed, in micro-units."""

    number: int
    amount_micros: int


async def customer(database: Database, parts: Sequence[BookId], party_id: PartyId) -> CustomerRecord | None:
    """A customer of these books; None for everybody else."""
    row = await database.fetchrow(_SQL["customer"], parts, party_id)
    return None if row is None else CustomerRecord(**dict(row))


async def of_address(database: Database, parts: Sequence[BookId], email: str) -> CustomerRecord | None:
    """The customer of these books whose account has the address."""
    party_id: int | None = await database.fetchval(_SQL["of_address"], email)
    return None if party_id is None else await customer(database, parts, PartyId(party_id))


async def held(database: Database, parts: Sequence[BookId], party_id: PartyId) -> Mapping[str, HeldSum]:
    """By kind of instrument, ``prepaid`` or ``credit``, where there is one."""
    rows = await database.fetch(_SQL["held"], parts, party_id)
    return {row["kind"]: HeldSum(row["number"], row["amount_micros"]) for row in rows}


async def books_of_buyer(database: Database, party_id: PartyId, environment: str) -> tuple[BookId, ...]:
    """The books in an environment where a person agreed to something."""
    rows = await database.fetch(_SQL["books_of_buyer"], party_id, environment)
    return tuple(BookId(row["book_id"]) for row in rows)
