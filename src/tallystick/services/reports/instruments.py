"""Prepaid balances, tabs and tokens of a seller's books: lists, and each by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import TokenPurpose
from tallystick.domain.ids import TokenId, token_kind_and_book
from tallystick.store.queries import instrument_list, reads
from tallystick.store.queries import tokens as store_tokens
from tallystick.store.queries.instrument_list import InstrumentQuery, InstrumentRecord, ListPage, Usability
from tallystick.store.queries.tokens import TokenRecord

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, InstrumentId
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.reads import InstrumentTotal

__all__ = [
    "InstrumentQuery",
    "InstrumentRecord",
    "ListPage",
    "TokenRecord",
    "Usability",
    "bounded_instruments",
    "current",
    "instrument",
    "instruments",
    "named_instruments",
    "named_tokens",
    "replaced_by",
    "spending_tokens",
    "token",
    "tokens",
    "tokens_of",
    "total",
]


REACH: Final = 2000
"""Instruments that one query looks at for those that match a filter without an index."""


async def instruments(
    books: BookContext, wanted: InstrumentQuery, maximum: int, after: InstrumentRecord | None = None
) -> ListPage[InstrumentRecord]:
    """The latest instruments, at most `maximum`, those made before `after`."""
    return await instrument_list.instruments(books.service.pool, wanted, maximum, after)


async def bounded_instruments(
    books: BookContext, wanted: InstrumentQuery, maximum: int, after: InstrumentRecord | None = None
) -> ListPage[InstrumentRecord]:
    """The same among the latest few thousand only, where what is wanted may be rare: a page may have fewer, or none."""
    return await instrument_list.bounded_instruments(books.service.pool, wanted, maximum, after, REACH)


async def instrument(books: BookContext, instrument_id: str) -> InstrumentRecord | None:
    """One instrument of these books; None for any other id."""
    return await instrument_list.instrument(books.service.pool, books.parts, instrument_id)


async def tokens(
    books: BookContext, wanted: InstrumentQuery, maximum: int, after: TokenRecord | None = None
) -> ListPage[TokenRecord]:
    """The latest tokens, at most `maximum`, those made before `after`."""
    return await instrument_list.tokens(books.service.pool, wanted, maximum, after)


async def token(books: BookContext, token_id: str) -> TokenRecord | None:
    """One token of these books; None for any other id."""
    return await instrument_list.token(books.service.pool, books.parts, token_id)


async def tokens_of(books: BookContext, instrument_id: InstrumentId) -> list[TokenRecord]:
    """The tokens of an instrument."""
    return await instrument_list.tokens_of(books.service.pool, books.parts, instrument_id)


def current(tokens: Iterable[TokenRecord], purpose: TokenPurpose) -> TokenRecord | None:
    """Of an instrument's tokens the one for this, which may have replaced others; None: there is none."""
    found = [token for token in tokens if token.purpose is purpose]
    return max(found, key=lambda token: (token.created_at, token.token_id), default=None)


async def named_instruments(
    books: BookContext, instrument_ids: Collection[str]
) -> list[tuple[InstrumentRecord, tuple[TokenRecord, ...]]]:
    """Those of some instruments that these books have, each with its tokens."""
    pool, named = books.service.pool, instrument_list.named_instruments
    return [one for part, ids in _by_part(books, instrument_ids) for one in await named(pool, part, ids)]


async def named_tokens(books: BookContext, token_ids: Collection[str]) -> list[TokenRecord]:
    """Those of some tokens that these books have."""
    pool = books.service.pool
    return [
        one for part, ids in _by_part(books, token_ids) for one in (await store_tokens.by_ids(pool, part, ids)).values()
    ]


def _by_part(books: BookContext, ids: Iterable[str]) -> Iterator[tuple[BookId, list[TokenId]]]:
    """Ids of instruments or tokens by the book of these that each names."""
    found: dict[BookId, list[TokenId]] = {part: [] for part in books.parts}
    for an_id in ids:
        part = found.get(token_kind_and_book(an_id)[1])
        if part is not None:
            part.append(TokenId(an_id))
    return ((part, named) for part, named in found.items() if named)


async def spending_tokens(books: BookContext, instrument_ids: Collection[str]) -> dict[str, TokenId]:
    """The token that charges go through, of each of the instruments that these books have."""
    return await instrument_list.spending_tokens(books.service.pool, books.parts, instrument_ids)


async def replaced_by(books: BookContext, token_id: TokenId) -> TokenId | None:
    """The token that replaced this one, if any did."""
    return await instrument_list.replaced_by(books.service.pool, books.parts, token_id)


async def total(books: BookContext, kind: str) -> InstrumentTotal:
    """What all instruments of a kind, ``prepaid`` or ``credit``, come to."""
    return await reads.instrument_totals(books.service.pool, books.parts, kind)
