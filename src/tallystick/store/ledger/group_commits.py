"""How a group of commands is committed: load, decide, apply, or less where nothing has to be loaded or locked.

Payments from instruments, which is what nearly all commands are, read optimistically, without locks, and the versions
of what they read are checked while they write. Those from balances and tabs that are remembered do not even read, and
share their commits with those of other books. All else locks first, and so do these after a version conflict.
Refunds: `optimistic/refund_commits.py`. decisions/013 tells why.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.connections import BROKEN, Connection, Pool
from tallystick.db.kept_connections import KeptConnections, given_up_when_silent
from tallystick.db.node_router import NodeRouter
from tallystick.domain.commands import Command, Pay
from tallystick.domain.decide import decide_all
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.state import Decision
from tallystick.store.ledger.apply import ReferenceAnsweredError, VersionConflictError, apply
from tallystick.store.ledger.apply_payments import apply_payments
from tallystick.store.ledger.command_queue import (
    TRIES,
    TRIES_TOGETHER,
    WORTH_ANOTHER_TRY,
    LockingBackoff,
    LostAnswerError,
    QueuedCommand,
    QueuedPayment,
    fail,
    is_over,
    max_tries,
    those_who_may_repeat,
    until_of,
)
from tallystick.store.ledger.load import claim_references, load
from tallystick.store.ledger.memory.cached_keys import with_unchanged_keys, without_cached_keys
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.memory.payments_from_memory import FromMemory, recall, remember_book, worth_a_try
from tallystick.store.ledger.memory.together import PATIENCE_MILLISECONDS, by_book, recall_all, write_together
from tallystick.store.ledger.optimistic.payments import optimistic_read
from tallystick.store.ledger.rules import Rules

if TYPE_CHECKING:
    from tallystick.tracing.spans import Tracing

_PAUSE_SECONDS: Final = 0.02
_UNTIMED: Final = nullcontext()

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Statistics:
    """What the committer has done since it was made. `version_conflicts`: groups that had to lock after all."""

    groups: int = 0
    commands: int = 0
    version_conflicts: int = 0
    retried_groups: int = 0


@dataclass(slots=True)
class GroupCommits:
    """Commits groups of commands, and tells their callers what they came to. The fields are those of Committer.

    A group of one book has its answers when `commit_payments` or `commit_commands` returns, whatever happened.
    """

    pool: Pool
    rules: Rules
    clock: Callable[[], datetime]
    keeps: int = 0
    replans: bool = False
    router: NodeRouter | None = None
    memory: PaymentMemory = field(default_factory=PaymentMemory)
    patience_milliseconds: int = PATIENCE_MILLISECONDS
    statistics: Statistics = field(default_factory=Statistics)
    tracing: Tracing | None = None
    answer_seconds: float | None = None
    acknowledged: dict[BookId, TransactionId] = field(default_factory=dict)
    """Of each book the newest transaction that a caller was told of, until somebody takes it away."""
    _apart: set[BookId] = field(default_factory=set)
    """Books of which somebody has locked accounts, perhaps: until those are done who waited, others follow them."""
    _doubts: defaultdict[BookId, LockingBackoff] = field(default_factory=lambda: defaultdict(LockingBackoff))
    """Whether payments of a book are worth deciding from memory: not where others keep changing what is remembered."""
    _backoffs: defaultdict[BookId, LockingBackoff] = field(default_factory=lambda: defaultdict(LockingBackoff))
    _connections: KeptConnections | NodeRouter = field(init=False)

    def __post_init__(self) -> None:
        self._connections = self.router or KeptConnections(self.pool, self.keeps, self.replans)

    def reads_optimistically(self, book_id: BookId) -> bool:
        """Whether the next payments of a book are likely to: cached keys are then worth a try."""
        return not self._backoffs[book_id].locking

    async def commit_together(self, group: Sequence[QueuedPayment]) -> Sequence[QueuedPayment]:
        """Do what can be decided without reading, of all books; those for whom nothing is done are returned.

        Where one book's payments fail, so do those of the others. Which one it was is found out when each goes its own
        way; it does so alone then for a while (_doubts).
        """
        memory, rules = self.memory, self.rules
        try:
            found = recall_all(memory, group, self.clock, rules)
            if found:
                async with self._in_time(until_of(group)), self._connections.one() as connection:
                    await self.write_from_memory(connection, found)
        except WrongClockError as error:
            fail(group, error)
            return ()
        except Exception as error:  # noqa: BLE001 - whatever it was, it may not be so with what is read now
            books = by_book(group)
            if isinstance(error, asyncpg.LockNotAvailableError):
                self._apart.update(books)
            elif len(books) == 1:
                self._disbelieve(group[0].book_id, group, error)
            elif not isinstance(error, VersionConflictError):
                self._note_failure(books, group, error)
            return group
        self.statistics.groups += bool(found)
        for one in found:
            book_id = one.loaded.state.book.book_id
            self._judge(book_id, worth_it=len(found) > 1 or one.is_worth_it)
            memory.hits += len(one.payments)
            memory.paid(one.known, one.payments, one.decisions)
            self._tell(book_id, one.payments, one.decisions)
        return [payment for payment in group if not payment.answer.done()]

    async def write_from_memory(self, connection: Connection, found: Sequence[FromMemory]) -> None:
        """Write and commit payments that were decided from memory. Raises what write_together does."""
        await write_together(connection, found, self.clock(), self.patience_milliseconds)

    def _in_time(self, until: float) -> AbstractAsyncContextManager[object]:
        """Ends one statement when the time of its group is up.

        A timer of its own costs a lonely payment as much as deciding it does. It needs none where the driver's ends
        before: where a connection is there at once, and there is time left to plan its statements anew as well.
        """
        answer = self.answer_seconds
        if (
            answer is not None
            and isinstance(self._connections, KeptConnections)
            and self._connections.has_one
            and until - asyncio.get_running_loop().time() > 2 * answer
        ):
            return _UNTIMED
        return asyncio.timeout_at(until)

    async def commit_payments(self, book_id: BookId, group: Sequence[QueuedCommand[Pay]]) -> None:
        """Payments from instruments, in the cheapest of three ways that goes."""
        if worth_a_try(self.memory, group) and self._doubts[book_id].try_optimistically():
            group = await self._commit_from_memory(book_id, group)
        if group and not await self._commit_optimistically(book_id, group):
            await self._commit_and_answer(book_id, without_cached_keys(group))

    async def _commit_from_memory(
        self, book_id: BookId, group: Sequence[QueuedCommand[Pay]]
    ) -> Sequence[QueuedCommand[Pay]]:
        """Do what can be decided without reading; those for whom nothing is done have no answer, and are returned."""
        memory, rules = self.memory, self.rules
        try:
            async with asyncio.timeout_at(until_of(group)), self._connections.one(book_id) as connection:
                book = await remember_book(connection, memory, book_id, group, rules)
                found = None if book is None else recall(memory, book, group, self.clock, rules)
                if found is None:
                    return group
                await found.write(connection, self.clock())
        except WrongClockError as error:
            fail(group, error)
            return ()
        except Exception as error:  # noqa: BLE001 - whatever it was, it may not be so with what is read now
            self._disbelieve(book_id, group, error)
            return group
        self._judge(book_id, worth_it=found.is_worth_it)
        memory.hits += len(found.payments)
        memory.paid(found.known, found.payments, found.decisions)
        self.statistics.groups += 1
        self._tell(book_id, found.payments, found.decisions)
        return found.rest

    def _judge(self, book_id: BookId, *, worth_it: bool) -> None:
        """Payments of a book were written from memory. Where many were refused, the next ones are read for in one."""
        doubts = self._doubts[book_id]
        if worth_it:
            doubts.succeeded()
        else:
            doubts.conflicted()

    def _disbelieve(self, book_id: BookId, group: Sequence[QueuedPayment], error: Exception) -> None:
        """Payments of a book could not be written from memory: the next ones read, and hold up nobody else."""
        self._doubts[book_id].conflicted()
        if isinstance(error, ReferenceAnsweredError):
            self.memory.clashes += 1  # nothing that is remembered was wrong
            return
        self.memory.clashed(book_id, [waiting.command.token_id for waiting in group])
        if not isinstance(error, VersionConflictError):
            self._note_failure([book_id], group, error)

    async def _commit_optimistically(self, book_id: BookId, group: Sequence[QueuedCommand[Pay]]) -> bool:
        """Try to do without locks. False: nothing is done, and nobody has an answer."""
        backoff = self._backoffs[book_id]
        if not backoff.try_optimistically():
            return False
        try:
            async with asyncio.timeout_at(until_of(group)), self._connections.one(book_id) as connection:
                keys = {waiting.key.access_key_id for waiting in group if waiting.key is not None}
                payments = [waiting.command for waiting in group]
                snapshot = await optimistic_read(connection, book_id, payments, keys, self.clock, self.rules)
                if snapshot is None:
                    return False
                signed = group if not keys else with_unchanged_keys(group, snapshot.keys)
                await claim_references(connection, snapshot.loaded, [waiting.command for waiting in signed])
                decisions = decide_all(
                    snapshot.loaded.state, [waiting.command for waiting in signed], snapshot.loaded.now
                )
                await apply_payments(connection, snapshot.loaded, decisions, real_now=self.clock())
        except WrongClockError as error:  # it jumped after the commands were accepted
            fail(group, error)
            return True
        except VersionConflictError:
            self.statistics.version_conflicts += 1
            backoff.conflicted()
            return False
        except Exception as error:  # noqa: BLE001 - whatever it was, it may not be so with locks
            self._note_failure([book_id], group, error)
            return False
        backoff.succeeded()
        loaded = snapshot.loaded
        self.memory.misses += len(signed)
        self.memory.compare_book(loaded.state.book)
        if not loaded.parts:
            self.memory.learn(
                loaded.state.tokens.values(), loaded.state.instruments, snapshot.rows, snapshot.server_started_at
            )
        self._answer(book_id, signed, decisions)
        return True

    async def commit_commands(self, book_id: BookId, group: Sequence[QueuedCommand[Any]]) -> None:
        """All other commands."""
        await self._commit_and_answer(book_id, group)

    async def _commit_and_answer(self, book_id: BookId, group: Sequence[QueuedCommand[Any]]) -> None:
        """Together, if that is possible. Passing errors are tried again after a pause; a bad command fails alone."""
        for attempt in range(1, TRIES + 1):
            if not group:
                return
            try:
                decisions = await self._commit(book_id, [waiting.command for waiting in group], until_of(group))
            except (LostAnswerError, *BROKEN) as error:
                self._note_failure([book_id], group, error)
                group = those_who_may_repeat(group, error)
                if attempt >= max_tries(error) or is_over(group):
                    fail(group, TimeoutError() if is_over(group) else error)
                    return
                await asyncio.sleep(_PAUSE_SECONDS * attempt)
            except WrongClockError as error:
                fail(group, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever it was, each command gets its own chance
                self._note_failure([book_id], group, error)
                if attempt < TRIES_TOGETHER and isinstance(error, WORTH_ANOTHER_TRY):
                    continue  # it passes: hundreds of commits one after the other would keep everybody waiting
                for waiting in group:
                    await self._commit_alone(book_id, waiting)
                return
            else:
                self._answer(book_id, group, decisions)
                return

    async def _commit_alone(self, book_id: BookId, waiting: QueuedCommand[Any]) -> None:
        """After its group failed: a command that cannot succeed fails alone, passing errors are tried again."""
        for attempt in range(1, TRIES + 1):
            try:
                decisions = await self._commit(book_id, [waiting.command], waiting.until)
            except Exception as error:  # noqa: BLE001 - the caller must hear of it
                broken = isinstance(error, (LostAnswerError, *BROKEN))
                if broken and not those_who_may_repeat([waiting], error):
                    return
                passes = broken or isinstance(error, WORTH_ANOTHER_TRY)
                if passes and attempt < max_tries(error) and not is_over([waiting]):
                    await asyncio.sleep(_PAUSE_SECONDS * attempt)
                    continue
                fail([waiting], error)
                return
            self._answer(book_id, [waiting], decisions)
            return

    def _note_failure(self, books: Iterable[BookId], group: Sequence[QueuedCommand[Any]], error: Exception) -> None:
        self.statistics.retried_groups += 1
        _log.warning("group_failed", books=[*books], commands=len(group), error=repr(error))

    async def _commit(self, book_id: BookId, commands: Sequence[Command], until: float) -> list[Decision]:
        """Load, decide, apply and commit `commands` together, with everything locked that they are about.

        Raises LostAnswerError; the database's other errors, TimeoutError at `until` among them: nothing was changed.
        """
        committing = False
        try:
            async with (
                asyncio.timeout_at(until),
                self._connections.one(book_id) as connection,
                connection.transaction(),
                given_up_when_silent(connection),
            ):
                loaded = await load(connection, book_id, commands, self.clock, self.rules)
                await claim_references(connection, loaded, commands)
                decisions = decide_all(loaded.state, commands, loaded.now)
                await apply(connection, loaded, decisions, real_now=self.clock())
                committing = True
        except BROKEN as error:
            if committing:
                raise LostAnswerError from error
            raise
        return decisions

    def _answer(
        self, book_id: BookId, group: Sequence[QueuedCommand[Any]], decisions: Sequence[Decision], commits: int = 1
    ) -> None:
        """After the commit of a group, each caller hears what its own command came to.

        `commits`: how many it had; none of its own where others count the one that they shared.
        """
        self.statistics.groups += commits
        self.memory.committed(decisions)
        self._tell(book_id, group, decisions)

    def _tell(self, book_id: BookId, group: Sequence[QueuedCommand[Any]], decisions: Sequence[Decision]) -> None:
        self.statistics.commands += len(group)
        if self.tracing is not None:
            _remember_callers(self.tracing, group, decisions)
        for waiting, decision in zip(group, decisions, strict=True):
            if not waiting.answer.done():  # its caller may have gone
                if waiting.decided is not None:
                    waiting.decided(decision)
                waiting.answer.set_result(decision.outcome)
        for done in reversed(decisions):
            if done.transactions:
                self.acknowledged[book_id] = done.transactions[-1].transaction_id
                break


def _remember_callers(tracing: Tracing, group: Sequence[QueuedCommand[Any]], decisions: Sequence[Decision]) -> None:
    for waiting, decision in zip(group, decisions, strict=True):
        if waiting.traced is not None:
            names = [changed.transaction_id for changed in decision.transactions]
            goes_on = bool(decision.events or decision.rail_request or decision.payout)
            tracing.remember(waiting.traced, names, goes_on=goes_on)
