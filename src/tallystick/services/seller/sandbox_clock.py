"""The test clock of a sandbox: what time it is there, moving it forward, and what that would end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.environments import SANDBOX
from tallystick.services.operations import audit
from tallystick.store.records import sandbox_clocks
from tallystick.store.records.sandbox_clocks import ClockMovedError, Ending, NoTestClockError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.domain.ids import BookId, PartyId
    from tallystick.domain.periods import Period
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "MAX_AHEAD",
    "ClockMovedError",
    "ClockReading",
    "Ending",
    "NoTestClockError",
    "TooFarAheadError",
    "ending",
    "forward",
    "read",
    "target",
]

MAX_AHEAD: Final = timedelta(days=365 * 100)


class TooFarAheadError(ValueError):
    """A test clock may be at most MAX_AHEAD before the wall clock."""

    def __init__(self) -> None:
        super().__init__(f"a test clock may be at most {MAX_AHEAD.days // 365} years ahead")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A reading of a test clock: its own time, and how far it is ahead of the wall clock."""

    now: datetime
    ahead: timedelta


async def read(service: Service, book_id: BookId) -> ClockReading:
    """Read the clock of a book. Raises NoTestClockError: no such book."""
    ahead = await sandbox_clocks.offset(service.pool, book_id)
    return ClockReading(service.clock() + ahead, ahead)


def target(reading: ClockReading, by: Period) -> ClockReading:
    """The reading after moving the clock forward from `reading`. Raises TooFarAheadError."""
    try:
        then = by.after(reading.now)
    except OverflowError:  # beyond what a calendar can tell
        raise TooFarAheadError from None
    ahead = reading.ahead + (then - reading.now)
    if ahead >= MAX_AHEAD:
        raise TooFarAheadError
    return ClockReading(then, ahead)


async def ending(service: Service, books: Sequence[BookId], now: datetime, then: datetime) -> Ending:
    """What comes to its end in a seller's books between two moments of their own clock."""
    return await sandbox_clocks.ending(service.pool, books, now, then)


async def forward(
    service: Service, actor: Actor, seller_id: PartyId, book_id: BookId, reading: ClockReading, by: Period
) -> ClockReading:
    """Move a sandbox's clock forward from a reading; gives the new one.

    Raises TooFarAheadError, ClockMovedError: it was moved since the reading, NoTestClockError: no sandbox.
    """
    step = target(reading, by).ahead - reading.ahead
    async with service.pool.acquire() as connection, connection.transaction():
        ahead = await sandbox_clocks.forward(connection, book_id, step, seen=reading.ahead)
        now = service.clock()
        moved = ClockReading(now + ahead, ahead)
        await audit.record(
            connection,
            actor,
            "clock.forward",
            str(by),
            business_id=seller_id,
            environment=SANDBOX,
            details={"now": moved.now.isoformat(timespec="seconds")},
            at=now,
        )
    return moved
