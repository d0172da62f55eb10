"""The test clock of a sandbox book: how far it is ahead of the wall clock. It only ever goes forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.db.connections import Database
    from tallystick.domain.ids import BookId

_SQL: Final = load_statements("sandbox_clocks.sql", __package__)


class NoTestClockError(LookupError):
    """There is no such book, or it is a live one: there, time cannot be moved."""


class ClockMovedError(Exception):
    """Somebody else moved the clock meanwhile."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How many instruments and tokens expire, and how many reservations are cancelled."""

    instruments: int
    tokens: int
    reservations: int


async def offset(database: Database, book_id: BookId) -> timedelta:
    """How far the book's clock is ahead. Raises NoTestClockError."""
    seconds = await database.fetchval(_SQL["offset"], book_id)
    if seconds is None:
        raise NoTestClockError(book_id)
    return timedelta(seconds=seconds)


async def forward(database: Database, book_id: BookId, by: timedelta, seen: timedelta | None = None) -> timedelta:
    """Move a sandbox book's clock forward, by whole seconds, and tell how far ahead it is now.

    The clocks of all books of one seller are the same.

    `seen`: how far ahead whoever moves it has seen it; None: wherever it is. Raises NoTestClockError, ClockMovedError:
    it is somewhere else; ValueError: not forward.
    """
    seconds = int(by.total_seconds())
    if seconds <= 0:
        raise ValueError("a clock only goes forward")
    total = await database.fetchval(
        _SQL["forward"], book_id, seconds, None if seen is None else int(seen.total_seconds())
    )
    if total is None:
        if seen is not None and await offset(database, book_id) != seen:
            raise ClockMovedError(book_id)
        raise NoTestClockError(book_id)
    return timedelta(seconds=total)


async def ending(database: Database, parts: Sequence[BookId], now: datetime, then: datetime) -> Ending:
    """What comes to its end in a seller's books between two moments of their own clock."""
    ends = [await _ending(database, part, now, then) for part in parts]
    return Ending(
        sum(one.instruments for one in ends), sum(one.tokens for one in ends), sum(one.reservations for one in ends)
    )


async def _ending(database: Database, book_id: BookId, now: datetime, then: datetime) -> Ending:
    row: Any = await database.fetchrow(_SQL["ending"], book_id, now, then)
    return Ending(**dict(row))
