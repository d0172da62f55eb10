"""The test clock of a sandbox book: how far it is ahead of the wall clock. It only ever goes forward."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId
    from tallystick.ledger.connections import Database


class NoTestClockError(LookupError):
    """There is no such book, or it is a live one: there, time cannot be moved."""


async def offset(database: Database, book_id: BookId) -> timedelta:
    """How far the book's clock is ahead. Raises NoTestClockError."""
    seconds = await database.fetchval("SELECT clock_offset_seconds FROM book WHERE book_id = $1", book_id)
    if seconds is None:
        raise NoTestClockError(book_id)
    return timedelta(seconds=seconds)


async def forward(database: Database, book_id: BookId, by: timedelta) -> timedelta:
    """Move a sandbox book's clock forward, by whole seconds, and tell how far ahead it is now.

    Raises NoTestClockError, ValueError: not forward.
    """
    seconds = int(by.total_seconds())
    if seconds <= 0:
        raise ValueError("a clock only goes forward")
    total = await database.fetchval(
        "UPDATE book SET clock_offset_seconds = clock_offset_seconds + $2"
        " WHERE book_id = $1 AND environment = 'sandbox' RETURNING clock_offset_seconds",
        book_id,
        seconds,
    )
    if total is None:
        raise NoTestClockError(book_id)
    return timedelta(seconds=total)
