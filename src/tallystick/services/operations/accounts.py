"""All accounts, for operators and for the access checks of pages: search, lists, and counts of what each has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import EmailTakenError, Kind, Party, Status, normal_email
from tallystick.store.queries import account_register
from tallystick.store.queries.account_register import Account, AccountCounts, BookTotals

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service

__all__ = [
    "Account",
    "AccountCounts",
    "BookTotals",
    "EmailTakenError",
    "Kind",
    "Party",
    "Status",
    "account_of",
    "books_of",
    "find",
    "find_named",
    "holdings_of",
    "list_",
    "normal_email",
    "search",
]


async def find(service: Service, party_id: PartyId) -> Party | None:
    """The party with this number."""
    return await parties.find(service.pool, party_id)


async def list_(service: Service, kind: Kind | None = None) -> list[Party]:
    """All parties, or all of one kind, oldest first."""
    return await parties.list_(service.pool, kind)


async def account_of(service: Service, number: int) -> Account | None:
    """The account with this number, with its whole standing."""
    return await account_register.find(service.pool, number)


async def find_named(service: Service, text: str) -> Account | None:
    """The account with this number or e-mail address."""
    return await account_register.find_named(service.pool, text)


async def search(
    service: Service,
    maximum: int,
    *,
    text: str = "",
    kind: str | None = None,
    status: str | None = None,
    before: int | None = None,
) -> list[Account]:
    """The newest accounts first, below the number `before`. `text`: a number, an address, a part of one or of a name.

    A number or a whole address is found by its index; only what is neither is looked for in every account.
    """
    return await account_register.search(service.pool, maximum, text=text, kind=kind, status=status, before=before)


async def books_of(service: Service, party_id: PartyId) -> list[BookTotals]:
    """A seller's books, with what is in them."""
    return await account_register.books_of(service.pool, party_id)


async def holdings_of(service: Service, party_id: PartyId) -> AccountCounts:
    """What there is of an account."""
    return await account_register.holdings(service.pool, party_id)
