"""The instruments and tokens of a seller's books, as the console lists and shows them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tallystick.db.patterns import containing
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, InstrumentId, MalformedIdError, PartyId, TokenId, token_kind_and_book
from tallystick.store.queries.tokens import TokenRecord, token_from_row

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database
    from tallystick.domain.tokens import TokenState

_SQL: Final = load_statements("instrument_list.sql", __package__)

Held = TypeVar("Held")


class Usability(Enum):
    """Whether something can still be used."""

    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class InstrumentRecord:
    """A prepaid balance or a tab, with whom it is shared. Amounts in micro-units.

    `balance_micros`: left to spend, or owed. `cancelled_at`: when its spending token was. Tabs alone have
    `total_limit_micros`.
    """

    instrument_id: InstrumentId
    kind: str
    limit_micros: int
    total_limit_micros: int | None
    charged_micros: int
    pending_micros: int
    valid_from: datetime
    expires_at: datetime | None
    created_at: datetime
    balance_micros: int
    cancelled_at: datetime | None
    buyer_id: PartyId
    buyer_name: str
    buyer_email: str

    @property
    def used_by(self) -> None:
        """Nothing uses it up: it has the states of its spending token."""
        return


@dataclass(frozen=True, slots=True)
class InstrumentQuery:
    """Which of a seller's books, where not None. `now`: the books' time.

    `kind`: an instrument's kind or a token's purpose. `text` occurs in a name, an address, a reference or an id, in
    whatever case. `buyer_id`: who holds or gave it. Of instruments alone: made from `since` on and before `until`; with
    the state of the spending token; and not made before the place that `reached` says.
    """

    parts: tuple[BookId, ...]
    now: datetime
    kind: str | None = None
    life: Usability | None = None
    text: str | None = None
    buyer_id: PartyId | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: TokenState | None = None
    reached: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Held]):
    """A page of a list, newest first. `earlier`: the cursor, an id, for the next page; None: this is the last one."""

    found: list[Held]
    earlier: str | None


async def instruments(
    database: Database, wanted: InstrumentQuery, maximum: int, after: InstrumentRecord | None = None
) -> ListPage[InstrumentRecord]:
    """The latest instruments, at most `maximum`, those made before `after`."""
    moment, last = (None, None) if after is None else (after.created_at, after.instrument_id)
    state = None if wanted.state is None else wanted.state.value
    more = (wanted.buyer_id, wanted.since, wanted.until, state, *(wanted.reached or (None, None)))
    rows = await _of_parts(database, "instruments", wanted, None, moment, last, maximum + 1, *more)
    found = [InstrumentRecord(**dict(row)) for row in rows[:maximum]]
    return ListPage(found, found[-1].instrument_id if len(rows) > maximum else None)


async def bounded_instruments(
    database: Database, wanted: InstrumentQuery, maximum: int, after: InstrumentRecord | None, reach: int
) -> ListPage[InstrumentRecord]:
    """The same, of the latest `reach` of each book: a page costs the same however rare what is wanted is.

    One that is not full and not the last goes on where it ended.
    """
    moment, last = (None, None) if after is None else (after.created_at, after.instrument_id)
    bounds = moment, last, wanted.since, wanted.until, reach
    ends = [await database.fetchrow(_SQL["instruments_reached"], part, *bounds) for part in wanted.parts]
    end = max(((one["created_at"], one["instrument_id"]) for one in ends if one is not None), default=None)
    page = await instruments(database, replace(wanted, reached=end), maximum, after)
    return page if end is None or page.earlier is not None else ListPage(page.found, end[1])


async def instrument(database: Database, parts: Sequence[BookId], instrument_id: str) -> InstrumentRecord | None:
    """One instrument of these books; None for any other id."""
    part = _part_of(instrument_id, parts)
    if part is None:
        return None
    nothing_else = None, None, 1, *(None,) * 6
    row = await database.fetchrow(_SQL["instruments"], part, *(None,) * 4, instrument_id, *nothing_else)
    return None if row is None else InstrumentRecord(**dict(row))


async def tokens(
    database: Database, wanted: InstrumentQuery, maximum: int, after: TokenRecord | None = None
) -> ListPage[TokenRecord]:
    """The latest tokens, at most `maximum`, those made before `after`."""
    moment, last = (None, None) if after is None else (after.created_at, after.token_id)
    rows = await _of_parts(database, "tokens", wanted, None, moment, last, maximum + 1, None, wanted.buyer_id)
    found = [token_from_row(row) for row in rows[:maximum]]
    return ListPage(found, found[-1].token_id if len(rows) > maximum else None)


async def token(database: Database, parts: Sequence[BookId], token_id: str) -> TokenRecord | None:
    """One token of these books; None for any other id."""
    part = _part_of(token_id, parts)
    if part is None:
        return None
    row = await database.fetchrow(_SQL["tokens"], part, None, None, None, None, token_id, None, None, 1, None, None)
    return None if row is None else token_from_row(row)


async def tokens_of(database: Database, parts: Sequence[BookId], instrument_id: InstrumentId) -> list[TokenRecord]:
    """The tokens of an instrument."""
    rows = await database.fetch(
        _SQL["tokens"],
        _part_of(instrument_id, parts),
        *(None,) * 8,
        instrument_id,
        None,
    )
    return [token_from_row(row) for row in rows]


async def named_instruments(
    database: Database, book_id: BookId, instrument_ids: Collection[str]
) -> list[tuple[InstrumentRecord, tuple[TokenRecord, ...]]]:
    """Those of some instruments that a book has, each with its tokens."""
    rows = await database.fetch(_SQL["named_instruments"], book_id, list(instrument_ids))
    tokens_of_each: dict[str, list[TokenRecord]] = {row["instrument_id"]: [] for row in rows}
    for row in await database.fetch(_SQL["tokens_of_instruments"], book_id, list(tokens_of_each)):
        tokens_of_each[row["instrument_id"]].append(token_from_row(row))
    records = {row["instrument_id"]: InstrumentRecord(**dict(row)) for row in rows}
    return [(record, tuple(tokens_of_each[an_id])) for an_id, record in records.items()]


async def spending_tokens(
    database: Database, parts: Sequence[BookId], instrument_ids: Collection[str]
) -> dict[str, TokenId]:
    """The token that charges go through, of each of the instruments that these books have."""
    rows = await database.fetch(_SQL["spending_tokens"], parts, list(instrument_ids))
    return {row["instrument_id"]: TokenId(row["token_id"]) for row in rows}


async def replaced_by(database: Database, parts: Sequence[BookId], token_id: TokenId) -> TokenId | None:
    """The token that replaced this one, if any did."""
    found: str | None = await database.fetchval(_SQL["replaced_by"], parts, token_id)
    return None if found is None else TokenId(found)


async def _of_parts(database: Database, statement: str, wanted: InstrumentQuery, *more: object) -> list[asyncpg.Record]:
    """What the statement finds in each of the books, together the newest first."""
    life = None if wanted.life is None else wanted.life.value
    filters = wanted.kind, life, wanted.now, containing(wanted.text)
    rows = [row for part in wanted.parts for row in await database.fetch(_SQL[statement], part, *filters, *more)]
    own_id = f"{statement.removesuffix('s')}_id"
    return sorted(rows, key=lambda row: (row["created_at"], row[own_id]), reverse=True)


def _part_of(text: str, parts: Sequence[BookId]) -> BookId | None:
    """The one of the books that an id names; None where it names another one, or is no id."""
    try:
        _, book_id = token_kind_and_book(text)
    except MalformedIdError:
        return None
    return book_id if book_id in parts else None
