"""The test clock of a sandbox: what time it is there, moving it forward, and what that would end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.store.records import sandbox_clocks

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId
    from tallystick.domain.periods import Period
    from tallystick.services.context import Service

MAX_AHEAD: Final = timedelta(days=365 * 100)


class TooFarAheadError(ValueError):
    """A test clock may be at most MAX_AHEAD before the wall clock."""

    def __init__(self) -> None:
        super().__init__(f"a test clock may be at most {MAX_AHEAD.days // 365} years ahead")


@dataclass(frozen=True, slots=True)
class Hand:
    """Where a test clock stands: its own time, and how far it is before the wall clock."""

    now: datetime
    ahead: timedelta


async def look(service: Service, book_id: BookId) -> Hand:
    """What time it is in a book. Raises NoTestClockError: no such book."""
    ahead = await sandbox_clocks.offset(service.pool, book_id)
    return Hand(service.clock() + ahead, ahead)


def target(hand: Hand, by: Period) -> Hand:
    """Where the clock would stand, moved forward from `hand`. Raises TooFarAheadError."""
    try:
        then = by.after(hand.now)
    except OverflowError:  # beyond what a calendar can tell
        raise TooFarAheadError from None
    ahead = hand.ahead + (then - hand.now)
    if ahead >= MAX_AHEAD:
        raise TooFarAheadError
    return Hand(then, ahead)


async def forward(service: Service, book_id: BookId, hand: Hand, by: Period) -> Hand:
    """Move a sandbox's clock forward from where it was seen; where it stands now.

    Raises TooFarAheadError, ClockMovedError: it is not where it was seen any more, NoTestClockError: no sandbox.
    """
    step = target(hand, by).ahead - hand.ahead
    ahead = await sandbox_clocks.forward(service.pool, book_id, step, seen=hand.ahead)
    return Hand(service.clock() + ahead, ahead)
