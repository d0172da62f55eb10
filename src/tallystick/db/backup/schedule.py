"""Backups all the time: the log as it is written, base backups every so often, old ones deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from tallystick.db.backup.base import forget_old, take
from tallystick.db.backup.log import gaps, receiving, segments
from tallystick.db.backup.place import BackupPlace
from tallystick.db.backup.source import BackupError, BackupSource

LOOK_EVERY_SECONDS: Final = 10.0
AGAIN_AFTER: Final = timedelta(minutes=5)
"""After a base backup that failed."""

CLOCKS_AGREE_WITHIN: Final = timedelta(minutes=5)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Schedule:
    """When base backups of a server are made, and how long they are kept.

    `beside`: what is done again and again beside that, such as copying files. `server_time`: what the server's clock
    says; nothing is deleted by a clock with which it does not agree.
    """

    source: BackupSource
    place: BackupPlace
    every: timedelta
    keep: timedelta
    clock: Callable[[], datetime]
    beside: Callable[[], Awaitable[None]]
    server_time: Callable[[], Awaitable[datetime]]
    _failed_at: datetime | None = None

    async def run(self, begun: Callable[[], None]) -> None:
        """Go on until this is cancelled; `begun` is called once the log is being fetched. Raises BackupError."""
        async with receiving(self.source, self.place):
            begun()
            while True:
                await self.step()
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def step(self) -> None:
        """Make a base backup if one is due, and delete what is too old. What fails is logged and tried again."""
        try:
            await self.beside()
            if (why := await asyncio.to_thread(self._due)) is not None:
                logger.info("making a base backup: %s", why)
                base = await take(self.source, self.place, self.clock)
                gone = await self._forget_old()
                logger.info("the base backup %s is done, %d old ones deleted", base.name, gone)
                self._failed_at = None
        except (BackupError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._failed_at = self.clock()
            logger.error("no backup could be made: %s", error)  # noqa: TRY400 - where it happened tells nothing

    async def _forget_old(self) -> int:
        """Delete what is too old; how many base backups. A jump of the clock must not cost what can be restored."""
        now = self.clock()
        off = now - await self.server_time()
        if abs(off) > CLOCKS_AGREE_WITHIN:
            logger.error("no old backup is deleted: our clock is %+.0f s off the server's", off.total_seconds())
            return 0
        return len(await asyncio.to_thread(forget_old, self.place, self.keep, now))

    def _due(self) -> str | None:
        """Why a base backup is due now; None: it is not."""
        now = self.clock()
        if self._failed_at is not None and timedelta(0) <= now - self._failed_at < AGAIN_AFTER:
            return None
        bases = self.place.list_bases()
        if not bases:
            return "there is none yet"
        past = [base for base in bases if base.started_at <= now]  # others were made while the clock was ahead
        if not past or now - past[-1].started_at >= self.every:
            return "it is time"
        missing = gaps(segments(self.place.log, self.source.segment_bytes), past[-1], self.source.segment_bytes)
        return missing[0] if missing else None
