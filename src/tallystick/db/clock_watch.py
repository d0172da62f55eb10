"""The clock of this process, held against the database's and against the time that has passed since.

A clock that is wrong for a moment must neither move money nor end or delete anything. Between two comparisons with
the database, the kernel's count of seconds since the machine was started, which nobody sets, tells of a jump.
docs/decisions/089-no-clock-is-believed-alone.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.db.connections import UNAVAILABLE
from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Pool

_SQL: Final = load_statements("clock_watch.sql", __package__)

COMPARE_EVERY: Final = timedelta(seconds=3)
SETTLES_AFTER: Final = timedelta(minutes=1)
"""A jump of the database's own clock is believed when it has stood for so long."""

STEP: Final = timedelta(hours=1)
"""Housekeeping believes that so much time has passed since its last pass, at most; it has several an hour."""

_ANSWER_SECONDS: Final = 5

_log = structlog.get_logger(__name__)


class WrongClockError(Exception):
    """The clock of this process, or the database's, cannot be believed at this moment."""


_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds_since_boot() -> float:
    """The kernel's count, which goes on while the machine sleeps, and which nobody can set."""
    return time.clock_gettime(_SINCE_BOOT)


@dataclass(slots=True)
class ClockWatch:
    """Watches one process's clock. Nothing is doubted before the first comparison: a clock that tests set has none.

    `tolerance`: how far the clocks may be apart. `elapsed` counts seconds, from whenever.
    """

    clock: Callable[[], datetime]
    tolerance: timedelta
    elapsed: Callable[[], float] = seconds_since_boot
    _database: datetime | None = field(default=None, init=False)
    """What the database's clock showed when `elapsed` was `_compared`."""
    _compared: float = field(default=0.0, init=False)
    _ahead: float = field(default=0.0, init=False)
    """What the database's clock shows at any time, in seconds since 1970, is this more than `elapsed`."""
    _tolerance_seconds: float = field(init=False)
    _jumped: float | None = field(default=None, init=False)
    """When the database's clock was seen to have jumped, by `elapsed`."""
    _doubted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._tolerance_seconds = self.tolerance.total_seconds()

    def now(self) -> datetime:
        """The present moment. Raises WrongClockError."""
        now = self.clock()
        if (  # as `_doubts` says it of most moments, in one go: every payment asks
            self._jumped is None
            and not self._doubted
            and self._database is not None
            and -self._tolerance_seconds <= now.timestamp() - self._ahead - self.elapsed() <= self._tolerance_seconds
        ):
            return now
        if self._doubts(now):
            raise WrongClockError(self.why)
        return now

    @property
    def trusted(self) -> bool:
        """Whether the clock can be believed at this moment."""
        return not self._doubts(self.clock())

    @property
    def compared(self) -> bool:
        """Whether it was ever held against the database's: by then its time is real time."""
        return self._database is not None

    @property
    def off_seconds(self) -> float:
        """How far the clock is ahead of the database's, by what has passed since they were compared."""
        return self._off_seconds(self.clock())

    @property
    def why(self) -> str:
        """What is wrong, for people."""
        if self._jumped is not None:
            return "the database's clock has jumped"
        return f"the clock is {self.off_seconds:+.1f} seconds from the database's"

    async def compare(self, pool: Pool) -> bool:
        """Hold the clock against the database's, and tell whether it can be believed. Raises what the database does."""
        began, first = self.elapsed(), self.clock()
        database: datetime = await pool.fetchval(_SQL["database_time"], timeout=_ANSWER_SECONDS)
        ended = self.elapsed()
        last = first + timedelta(seconds=ended - began)
        # It answered between the two: the clocks differ by what lies outside of them, not by how long it took.
        off = database - last if database > last else min(database - first, timedelta(0))
        self._note_database(last + off, ended, timedelta(seconds=ended - began))
        return self.trusted

    async def run(self, pool: Pool) -> None:
        """Compare every few seconds, until this is cancelled. While the database does not answer, time goes on."""
        while True:
            await asyncio.sleep(COMPARE_EVERY.total_seconds())
            try:
                await self.compare(pool)
            except UNAVAILABLE as error:
                _log.warning("clock_not_compared", error=repr(error))

    def _note_database(self, shown: datetime, at: float, took: timedelta) -> None:
        before = self._database
        if before is not None:
            jump = shown - (before + timedelta(seconds=at - self._compared))
            if abs(jump) > self.tolerance + took:
                _log.error("database_clock_jumped", seconds=jump.total_seconds())
                self._jumped = at
        if self._jumped is not None and at - self._jumped >= SETTLES_AFTER.total_seconds():
            self._jumped = None
        self._database, self._compared, self._ahead = shown, at, shown.timestamp() - at

    def _off_seconds(self, now: datetime) -> float:
        """How far the clock, which shows `now`, is ahead."""
        return 0.0 if self._database is None else now.timestamp() - self._ahead - self.elapsed()

    def _doubts(self, now: datetime) -> bool:
        off_seconds = self._off_seconds(now)
        doubts = self._jumped is not None or abs(off_seconds) > self._tolerance_seconds
        if doubts is not self._doubted:
            self._doubted = doubts
            (_log.error if doubts else _log.info)(
                "clock_doubted" if doubts else "clock_believed_again", off_seconds=off_seconds
            )
        return doubts


async def believe(pool: Pool, now: datetime) -> datetime:
    """The moment up to which housekeeping may end and delete things: `now`, at most STEP after the last time.

    After a jump back it begins again at `now`. Raises what the database does.
    """
    believed: datetime = await pool.fetchval(_SQL["believe"], now, STEP)
    return believed


async def believed(pool: Pool, now: datetime) -> datetime:
    """The same, between two such steps."""
    moment: datetime | None = await pool.fetchval(_SQL["believed"])
    return now if moment is None else min(now, moment + STEP)
