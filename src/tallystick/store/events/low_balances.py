"""Balances that have fallen below an amount of the seller's own: the amount, and what a look at a book finds.

Amounts are micro-units. Every moment is passed in; those of a book are its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, transaction_ids_from

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("low_balances.sql", __package__)

MARGIN: Final = timedelta(minutes=2)
"""How long after a moment something may still be committed that belongs before it: a request that waited."""


@dataclass(frozen=True, slots=True)
class WatchedBook:
    """A book whose seller has chosen an amount. `amount_since`: real time."""

    book_id: BookId
    amount_micros: int
    amount_since: datetime
    clock_offset: timedelta


@dataclass(frozen=True, slots=True)
class LookState:
    """How far a book has been looked at, and with which amount; before the first look there is none of it."""

    amount_micros: int | None
    amount_since: datetime | None
    begun_at: datetime | None
    looked_until: datetime | None

    def goes_on(self, book: WatchedBook) -> bool:
        """Whether it was with the amount that counts now."""
        return (self.amount_micros, self.amount_since) == (book.amount_micros, book.amount_since)


@dataclass(frozen=True, slots=True)
class ChangedBalance:
    """A balance that has gone below the amount (`is_low`) or come back. `is_usable`: it can still be charged."""

    instrument_id: str
    is_low: bool
    risen_at: datetime | None
    is_usable: bool


async def amount(database: Database, book_id: BookId) -> int | None:
    """What the seller of a book has chosen; None: nothing."""
    found: int | None = await database.fetchval(_SQL["amount"], book_id)
    return found


async def set_amount(connection: Connection, parts: Sequence[BookId], micros: int | None, now: datetime) -> None:
    """Another amount, above zero, or none, in all books of a seller, from `now` on, real time."""
    await connection.execute(_SQL["set_amount"], parts, micros, None if micros is None else now)


async def books(database: Database) -> list[WatchedBook]:
    """Those in which balances can be low."""
    return [
        WatchedBook(
            BookId(row["book_id"]),
            row["amount_micros"],
            row["amount_since"],
            timedelta(seconds=row["clock_offset_seconds"]),
        )
        for row in await database.fetch(_SQL["books"])
    ]


async def open_look(database: Database, book_id: BookId) -> None:
    """Make the row of a book's looks, unless there is one; a commit of its own, for nobody to wait for."""
    if not await database.fetchval(_SQL["has_look"], book_id):
        await database.execute(_SQL["open_look"], book_id)


async def lock_look(connection: Connection, book_id: BookId) -> LookState | None:
    """How far the book has been looked at, held until the commit; None: another process is at it."""
    row = await connection.fetchrow(_SQL["lock_look"], book_id)
    return None if row is None else LookState(**dict(row))


async def begin(connection: Connection, book: WatchedBook, book_now: datetime) -> None:
    """Begin with another amount: what is below it now is not told, as nothing has fallen. Under `lock_look`."""
    await connection.execute(_SQL["forget"], book.book_id)
    await connection.execute(_SQL["begin"], book.book_id, book.amount_micros, book_now, book_now - MARGIN)
    await advance(connection, book, book_now, book_now)


async def changed(
    connection: Connection, book: WatchedBook, state: LookState, book_now: datetime, maximum: int
) -> list[ChangedBalance]:
    """Balances that have gone below the amount, or come back, since the last look. Only with what was begun."""
    if state.begun_at is None or state.looked_until is None:
        raise LookupError(book.book_id)
    since = min(state.looked_until, book_now) - MARGIN
    first_id = transaction_ids_from(int(since.timestamp() * 1000))
    agreed_since = state.begun_at - MARGIN
    rows = await connection.fetch(
        _SQL["changed"], book.book_id, book.amount_micros, since, first_id, book_now, agreed_since, maximum
    )
    return [ChangedBalance(**dict(row)) for row in rows]


async def keep(connection: Connection, book_id: BookId, found: Sequence[ChangedBalance]) -> None:
    """Write down how balances are now. Under `lock_look`."""
    await connection.execute(
        _SQL["keep"],
        book_id,
        [one.instrument_id for one in found],
        [one.is_low for one in found],
        [one.risen_at for one in found],
    )


async def advance(connection: Connection, book: WatchedBook, begun_at: datetime, looked_until: datetime) -> None:
    """Write down how far the book has been looked at."""
    await connection.execute(
        _SQL["advance"], book.book_id, book.amount_micros, book.amount_since, begun_at, looked_until
    )
