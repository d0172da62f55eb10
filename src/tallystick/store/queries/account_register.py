"""All accounts as the operator looks at them: found by number, address or name, and how each of them stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId
from tallystick.store.accounts.parties import Kind, Status, normal_email

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("account_register.sql", __package__)

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Account:
    """One account with its whole standing.

    `fee_schedule`: the one of its own; None: the standard one. `signs_in`: it has a password. `operator`: it may use
    the operator's pages.
    """

    party_id: PartyId
    kind: Kind
    email: str
    name: str
    status: Status
    created_at: datetime
    email_verified_at: datetime | None
    verified_at: datetime | None
    receives_cards: bool
    marketplace: bool
    denied: bool
    fee_schedule: str | None
    signs_in: bool
    operator: bool


@dataclass(frozen=True, slots=True)
class BookTotals:
    """What one book of a seller comes to. Amounts in micro-units."""

    book_id: BookId
    environment: str
    currency: str
    cash_micros: int
    liability_micros: int
    debt_micros: int


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """What there is of an account, counted. Keys, staff and certificates are a seller's."""

    access_keys: int
    staff: int
    works_for: int
    authorizations: int
    payment_methods: int


async def search(
    database: Database,
    count: int,
    *,
    text: str = "",
    kind: str | None = None,
    status: str | None = None,
    before: int | None = None,
) -> list[Account]:
    """The newest accounts first, below the number `before`. `text`: a number, an address, a part of one or of a name.

    A number or a whole address is found by its index; only what is neither is looked for in every account.
    """
    text = text.strip()
    if text and (exact := await find_named(database, text)) is not None:
        return [exact]
    rows = await database.fetch(_SQL["search"], count, text.lower(), kind, status, before)
    return [Account(**row) for row in rows]


async def find_named(database: Database, text: str) -> Account | None:
    """The account with this number or e-mail address."""
    if text.isascii() and text.isdecimal():
        return await find(database, int(text))
    row = await database.fetchrow(_SQL["find_by_email"], normal_email(text))
    return None if row is None else Account(**row)


async def find(database: Database, party_id: int) -> Account | None:
    """The account with this number."""
    row = None if party_id > _LARGEST else await database.fetchrow(_SQL["find"], party_id)
    return None if row is None else Account(**row)


async def books_of(database: Database, party_id: PartyId) -> list[BookTotals]:
    """A seller's books, with what is in them."""
    rows = await database.fetch(_SQL["books_of"], party_id)
    return [BookTotals(**row) for row in rows]


async def holdings(database: Database, party_id: PartyId) -> AccountCounts:
    """What there is of an account."""
    row: Any = await database.fetchrow(_SQL["holdings"], party_id)
    return AccountCounts(**row)
