"""The one way in which money changes: load, decide, apply, commit, in groups.

Commands for one book that arrive while a commit is under way wait together and share the next one. A lonely command
waits for nobody. Where many wait, a second group of the same book is loaded and decided while the first one commits;
the locks in the database keep them apart where they touch the same rows. Each caller gets its own answer, after the
commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg
import structlog

from tallystick.domain.commands import Command
from tallystick.domain.decide import decide
from tallystick.domain.ids import BookId
from tallystick.domain.outcomes import Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger.books import Rules, load
from tallystick.ledger.connections import Pool
from tallystick.ledger.writing import ReferenceRaceError, write

MOST_PER_GROUP: Final = 500
"""Commands that share one commit at most, so that nobody waits long for strangers."""

LANES: Final = 2
"""Groups of one book that may be under way at the same time: while one is in the database, another is decided."""

WORTH_A_LANE: Final = 64
"""Commands that must be waiting before another group starts beside the one under way: small groups cost more each."""

_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.02

_WORTH_ANOTHER_TRY: Final = (
    ReferenceRaceError,  # another process was first: its answer is there now
    asyncpg.UniqueViolationError,  # same, seen by the database
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.PostgresConnectionError,  # references make a repeated commit harmless
    asyncpg.InterfaceError,
    ConnectionError,
)

_RIVALS: Final = (
    ReferenceRaceError,
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,  # somebody held a lock for longer than open_pool's patience
)
"""Others changed the same rows at the same time. Where trying again did not help, the caller may do so later."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Statistics:
    """What the committer has done since it was made."""

    groups: int = 0
    commands: int = 0
    retried_groups: int = 0


@dataclass(slots=True)
class _Waiting:
    command: Command
    answer: asyncio.Future[Outcome]


@dataclass(slots=True)
class _Queue:
    """What waits for one book, and how many groups of it are under way."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    lanes: int = 0

    @property
    def wants_a_lane(self) -> bool:
        return self.lanes == 0 or (self.lanes < LANES and len(self.waiting) >= WORTH_A_LANE)


@dataclass(slots=True)
class Committer:
    """Groups commands by book. `clock` gives the present moment in UTC; a book's test clock is added to it."""

    pool: Pool
    rules: Rules
    clock: Callable[[], datetime]
    statistics: Statistics = field(default_factory=Statistics)
    _queues: dict[BookId, _Queue] = field(default_factory=dict)
    _lanes: set[asyncio.Task[None]] = field(default_factory=set)

    async def perform(self, book_id: BookId, command: Command) -> Outcome:
        """Carry out `command` on a book and answer after its commit. A refusal comes back as a value.

        ConcurrentModification where trying again did not help against rivals: nothing was changed, and the reference is
        still free. Raises NoSuchBookError, and the database's other errors: nothing was changed then either or, when
        the connection broke during the commit, asking again with the same reference tells.
        """
        return await self._accept(book_id, command)

    async def perform_all(self, book_id: BookId, commands: Sequence[Command]) -> list[Outcome | Exception]:
        """As `perform`, for several commands of one book, which may share their commits; what each came to, in order.

        What `perform` would raise for a command stands in the place of its outcome.
        """
        answers = [self._accept(book_id, command) for command in commands]
        outcomes: list[Outcome | Exception] = []
        for answer in answers:
            try:
                outcomes.append(await answer)
            except Exception as error:  # noqa: BLE001 - one's trouble is not the others'
                outcomes.append(error)
        return outcomes

    def _accept(self, book_id: BookId, command: Command) -> asyncio.Future[Outcome]:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(book_id, _Queue())
        queue.waiting.append(_Waiting(command, answer))
        if queue.wants_a_lane:
            queue.lanes += 1
            task = asyncio.create_task(self._drain(book_id, queue))
            self._lanes.add(task)
            task.add_done_callback(self._lanes.discard)
        return answer

    async def close(self) -> None:
        """Wait until every command that was accepted has its answer."""
        while self._lanes:
            await asyncio.wait(self._lanes)

    async def _drain(self, book_id: BookId, queue: _Queue) -> None:
        waiting = queue.waiting
        while waiting:
            group = [waiting.popleft() for _ in range(min(len(waiting), MOST_PER_GROUP))]
            await self._commit_and_answer(book_id, group)
        queue.lanes -= 1
        if not queue.lanes:
            del self._queues[book_id]

    async def _commit_and_answer(self, book_id: BookId, group: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._commit(book_id, [waiting.command for waiting in group])
        except Exception as error:  # noqa: BLE001 - whatever it was, each command gets its own chance
            self.statistics.retried_groups += 1
            _log.warning("group_failed", book_id=book_id, commands=len(group), error=repr(error))
            for waiting in group:
                await self._commit_alone(book_id, waiting)
            return
        for waiting, outcome in zip(group, outcomes, strict=True):
            if not waiting.answer.done():  # its caller may have gone
                waiting.answer.set_result(outcome)

    async def _commit_alone(self, book_id: BookId, waiting: _Waiting) -> None:
        """After its group failed: a poisonous command fails alone, passing troubles are tried again."""
        for attempt in range(1, _TRIES + 1):
            try:
                (outcome,) = await self._commit(book_id, [waiting.command])
            except Exception as error:  # noqa: BLE001 - the caller must hear of it
                if attempt < _TRIES and isinstance(error, _WORTH_ANOTHER_TRY):
                    await asyncio.sleep(_PAUSE_SECONDS * attempt)
                    continue
                if waiting.answer.done():
                    return
                if isinstance(error, _RIVALS):
                    message = "Others are changing the same data; nothing was done. Try again later."
                    waiting.answer.set_result(Refused(Refusal.ConcurrentModification, message))
                else:
                    waiting.answer.set_exception(error)
                return
            if not waiting.answer.done():
                waiting.answer.set_result(outcome)
            return

    async def _commit(self, book_id: BookId, commands: Sequence[Command]) -> list[Outcome]:
        """Load, decide, apply and commit `commands` together; their outcomes in the same order."""
        async with self.pool.acquire() as connection, connection.transaction():
            loaded = await load(connection, book_id, commands, self.clock, self.rules)
            decisions = []
            for command in commands:
                decision = decide(loaded.state, command, loaded.now)
                loaded.state.apply(decision)
                decisions.append(decision)
            await write(connection, loaded, decisions, real_now=self.clock())
        self.statistics.groups += 1
        self.statistics.commands += len(commands)
        return [decision.outcome for decision in decisions]
