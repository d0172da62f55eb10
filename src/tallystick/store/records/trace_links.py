"""In whose trace transactions were made: noted after their commit, for what other processes do because of them.

Beside the money path: rows are written by a task of their own, at once and many together. Where more come than can be
written, or the database refuses, they are left out, and what is done later begins a trace of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.db.statements import load_statements
from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tallystick.db.connections import Database
    from tallystick.tracing.spans import Tracing

_SQL: Final = load_statements("trace_links.sql", __package__)

KEPT: Final = timedelta(days=3)
"""Longer than notifications are tried and most orders wait. Afterwards a trace is hardly looked at."""

MAX_WAITING: Final = 10_000
"""As many one process keeps that could not be written yet."""

_AT_ONCE: Final = 1_000
_AFTER_FAILURE_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class TraceLinks:
    """What one process still has to write. `clock`: real time."""

    database: Database
    clock: Callable[[], datetime]
    _waiting: dict[TransactionId, str] = field(default_factory=dict)
    _noted: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, traceparent: str, transactions: Sequence[str]) -> None:
        """Transactions that were committed for a call. In memory only: no answer waits for it."""
        if len(self._waiting) < MAX_WAITING:
            for name in transactions:
                self._waiting.setdefault(TransactionId(name), traceparent)
            self._noted.set()

    async def run(self) -> None:
        """Write what was noted as soon as it is, until cancelled. A failure is logged, and what it met is lost."""
        while True:
            await self._noted.wait()
            try:
                await self.write()
            except Exception as error:  # noqa: BLE001 - whatever it is, payments go on without it
                _log.warning("trace_links_not_written", error=repr(error))
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)

    async def write(self) -> None:
        """Write what was noted before."""
        self._noted.clear()
        waiting, self._waiting = list(self._waiting.items()), {}
        for first in range(0, len(waiting), _AT_ONCE):
            some = waiting[first : first + _AT_ONCE]
            await self.database.execute(
                _SQL["write"],
                [book_of_transaction(name) for name, _ in some],
                [name for name, _ in some],
                [traceparent for _, traceparent in some],
                self.clock(),
            )

    async def close(self) -> None:
        """Write the last ones, if that goes."""
        try:
            await self.write()
        except Exception as error:  # noqa: BLE001 - the process ends all the same
            _log.warning("trace_links_not_written", error=repr(error))


async def recall(database: Database, tracing: Tracing, name: str) -> None:
    """Let `tracing` know which call made a transaction, where another process has noted it. Raises nothing.

    `name`: of the transaction, or of something else that has no such call.
    """
    if tracing.knows(name):
        return
    try:
        traceparent = await database.fetchval(_SQL["find"], book_of_transaction(TransactionId(name)), name)
    except MalformedIdError:
        return
    except Exception as error:  # noqa: BLE001 - what was to be traced goes on
        _log.warning("trace_link_not_read", error=repr(error))
        return
    if traceparent is not None:
        tracing.recall(name, traceparent)
