"""Files of any length that are written while they are sent: few at a time, within a time, and from the budget of reads.

What a browser downloads is read and written in pieces, each in a turn of its own, so that other reads go on between
them. A file that is not whole ends with its connection: no browser keeps it as if it were.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import structlog

if TYPE_CHECKING:
    from tallystick.services.api.read_budget import ReadBudget, ReadTurn

MOST_OF_A_CALLER: Final = 2
MOST_AT_A_TIME: Final = 6
"""In a process: some hold one of its ten connections for everything but money all the while."""

LONGEST_SECONDS: Final = 1800.0
"""From the beginning of a file to its last piece, however slowly it is taken."""

RETRY_SECONDS: Final = 10

AT_A_TIME: Final = 20
"""Rows that are put into words before other calls go on: half a millisecond's work."""


_log: Final = structlog.get_logger(__name__)


class TooManyDownloadsError(Exception):
    """As many are under way as there may be, of this caller or of all together."""


class DownloadTooLongError(Exception):
    """A file was not whole in time."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Download:
    """One file under way. `caller`: whose it is; `until`: when its time is up."""

    downloads: Downloads
    caller: Hashable
    until: float
    _turn: ReadTurn | None = None
    _rows: int = 0

    async def row_written(self) -> None:
        """After each row: with every few of them others have their turn."""
        self._rows += 1
        if not self._rows % AT_A_TIME:
            await self.step_aside()

    async def step_aside(self) -> None:
        """Between two pieces of work: let others go on."""
        if self._turn is not None:
            await self._turn.step_aside()

    async def send(self, content: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The file, piece by piece, each read and written in a turn. Raises DownloadTooLongError."""
        try:
            async with aclosing(content):
                while (piece := await self._next(content)) is not None:
                    yield piece
        finally:
            self.downloads.ended(self)

    async def _next(self, content: AsyncGenerator[bytes, None]) -> bytes | None:
        if self.downloads.clock() > self.until:
            _log.warning("download_cut_off", caller=self.caller, seconds=LONGEST_SECONDS)
            raise DownloadTooLongError
        async with self.downloads.reads.turn(self.caller, self) as self._turn:
            piece = await anext(content, None)
            await self.step_aside()
            return piece


@dataclass(slots=True)
class Downloads:
    """The files that a process sends. Those that nobody sends any more count no longer."""

    reads: ReadBudget
    clock: Callable[[], float] = monotonic
    _under_way: WeakSet[Download] = field(default_factory=WeakSet)

    def begin(self, caller: Hashable) -> Download:
        """Begin a file of `caller`. Raises TooManyDownloadsError."""
        own = sum(one.caller == caller for one in self._under_way)
        if own >= MOST_OF_A_CALLER or len(self._under_way) >= MOST_AT_A_TIME:
            raise TooManyDownloadsError
        download = Download(self, caller, self.clock() + LONGEST_SECONDS)
        self._under_way.add(download)
        return download

    def ended(self, download: Download) -> None:
        """A file is whole, or was given up."""
        self._under_way.discard(download)
