"""The one way in which money changes: load, decide, apply, commit, in groups.

Commands for one book that arrive while a commit is under way wait together and share the next one. A lonely command
waits for nobody. Where many wait, a second group of the same book is loaded and decided while the first one commits,
and groups are taken from all keys in turn (`fair_queue.py`).
Each caller gets its own answer, after the commit.

Payments from instruments have groups of their own; those that are likely to be decided from memory share theirs with
payments of other books. Refunds have groups of their own, too, which are written with payments of their book where some
come. How each kind of group is committed: `group_commits.py`, `optimistic/refund_commits.py`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.database import CALL_SECONDS
from tallystick.domain.commands import Command, Refund
from tallystick.domain.ids import BookId, TokenId
from tallystick.domain.outcomes import Outcome
from tallystick.domain.refusals import wrong_clock
from tallystick.domain.state import Decision
from tallystick.store.keys.access_keys import AccessKey, StaleCachedKeyError
from tallystick.store.ledger.command_queue import (
    CommandQueue,
    PaymentQueue,
    QueuedCommand,
    QueuedPayment,
    in_time,
)
from tallystick.store.ledger.group_commits import GroupCommits
from tallystick.store.ledger.optimistic.payments import charges_an_instrument
from tallystick.store.ledger.optimistic.refund_commits import RefundCommits
from tallystick.store.ledger.optimistic.refunds import is_refund_of_payment

AnyQueue = TypeVar("AnyQueue", bound=CommandQueue[Any])

_UNTRACED: Final = nullcontext()


@dataclass(slots=True)
class Committer(RefundCommits):
    """Groups commands by book. `clock` gives the present moment in UTC; a book's test clock is added to it.

    It raises WrongClockError where it cannot be believed: nothing is carried out then.
    `keeps`: how many connections of the pool it may keep between two groups. `replans` as in KeptConnections.
    `router`: on a cluster, leads each book's commands to the machine that has it.
    `budget_seconds`: how long a command may take, all tries and the wait for its turn included.
    `patience_milliseconds`: how long payments of several books that share a commit wait for somebody's lock.
    `answer_seconds`: after how long a statement of the pool's fails that is not answered; None: it may wait for ever.
    """

    budget_seconds: float = CALL_SECONDS
    _queues: defaultdict[BookId, CommandQueue[Command]] = field(default_factory=lambda: defaultdict(CommandQueue))
    _payments: defaultdict[BookId, PaymentQueue] = field(default_factory=lambda: defaultdict(PaymentQueue))
    _refunds: defaultdict[BookId, CommandQueue[Refund]] = field(default_factory=lambda: defaultdict(CommandQueue))
    _in_flight: set[asyncio.Task[None]] = field(default_factory=set)
    _believed_at: float | None = None
    """When the clock was last looked at and believed, by the clock of the event loop."""
    _loop: asyncio.AbstractEventLoop = field(init=False)
    """The one in which it is made and used. Python 3.11 asks the system for the process's number to find it."""

    def __post_init__(self) -> None:
        GroupCommits.__post_init__(self)  # a class with slots is made anew, and `super` would not know it
        self._loop = asyncio.get_running_loop()

    def perform(
        self,
        book_id: BookId,
        command: Command,
        key: AccessKey | None = None,
        flow: Hashable = None,
        decided: Callable[[Decision], None] | None = None,
    ) -> asyncio.Future[Outcome]:
        """Carry out `command` on a book and answer after its commit. A refusal comes back as a value.

        `key` is a cached one, with which the command was signed: nothing is done where it has changed since
        (StaleCachedKeyError). `flow`: whose command it is; where many wait, flows take turns. `decided`: is told the
        decision once it is committed.

        ConcurrentModification where trying again did not help against rivals: nothing was changed, and the reference is
        still free. Raises NoSuchBookError, and the database's other errors: nothing was changed then either or, when
        the connection broke during the commit, asking again with the same reference tells.
        """
        return self._accept(book_id, command, self._loop.create_future(), key, flow, decided)

    async def perform_all(
        self, book_id: BookId, commands: Sequence[Command], flow: Hashable = None
    ) -> list[Outcome | Exception]:
        """As `perform`, for several commands of one book, which may share their commits; what each came to, in order.

        What `perform` would raise for a command stands in the place of its outcome.
        """
        answers = self._accept_all(book_id, commands, flow)
        outcomes: list[Outcome | Exception] = []
        for answer in answers:
            try:
                outcomes.append(await answer)
            except Exception as error:  # noqa: BLE001 - one command's failure is not that of the others
                outcomes.append(error)
        return outcomes

    def _accept(
        self,
        book_id: BookId,
        command: Command,
        answer: asyncio.Future[Outcome],
        key: AccessKey | None,
        flow: Hashable,
        decided: Callable[[Decision], None] | None = None,
    ) -> asyncio.Future[Outcome]:
        """Have `command` wait for its group, which gives `answer`."""
        present = self._loop.time()
        if present != self._believed_at:  # uvloop's is the same for all that one turn of it brings
            try:
                self.clock()
            except WrongClockError:
                answer.set_result(wrong_clock())
                return answer
            self._believed_at = present
        until = present + self.budget_seconds
        traced = None if self.tracing is None else self.tracing.here()
        if charges_an_instrument(command):
            payment = QueuedCommand(book_id, command, answer, until, key, flow, traced, decided)
            if self._may_share(book_id, command.token_id):
                self._remembered.waiting.append(payment, book_id if flow is None else flow)
                if self._remembered.can_start_group:
                    self._start_group(self._drain_remembered(), self._remembered)
            else:
                self._enqueue(payment)
        elif is_refund_of_payment(command) and (key is None or self._revalidates_refunds(book_id)):
            refunds = self._refunds[book_id]
            refunds.waiting.append(QueuedCommand(book_id, command, answer, until, key, flow, traced, decided), flow)
            if refunds.can_start_group:
                self._start_group(self._drain(book_id, self._refunds, self.commit_refunds), refunds)
        elif key is not None:  # the statements that lock do not revalidate keys
            answer.set_exception(StaleCachedKeyError(key.access_key_id))
        else:
            queue = self._queues[book_id]
            queue.waiting.append(QueuedCommand(book_id, command, answer, until, None, flow, traced, decided), flow)
            if queue.can_start_group:
                self._start_group(self._drain(book_id, self._queues, self.commit_commands), queue)
        return answer

    def _accept_all(
        self, book_id: BookId, commands: Sequence[Command], flow: Hashable
    ) -> list[asyncio.Future[Outcome]]:
        """As `_accept` for each; those that are likely to be decided from memory wait together from the beginning."""
        doubts = self._doubts.get(book_id)
        alone = book_id in self._apart or (doubts is not None and bool(doubts.locking))
        knows, new_answer = self.memory.knows, self._loop.create_future
        until = self._loop.time() + self.budget_seconds
        traced = None if self.tracing is None else self.tracing.here()
        answers: list[asyncio.Future[Outcome]] = []
        sharing: list[QueuedPayment] = []
        for command in commands:
            answer = new_answer()
            answers.append(answer)
            if not alone and charges_an_instrument(command) and knows(book_id, command.token_id):
                sharing.append(QueuedCommand(book_id, command, answer, until, None, flow, traced))
            else:
                self._accept(book_id, command, answer, None, flow)
        if sharing:
            self._share(sharing, book_id if flow is None else flow)
        return answers

    def _share(self, payments: Sequence[QueuedPayment], flow: Hashable) -> None:
        """Have payments of one flow wait for groups of all books."""
        try:
            self.clock()
        except WrongClockError:
            for payment in payments:
                payment.answer.set_result(wrong_clock())
            return
        queue = self._remembered
        queue.waiting.extend(payments, flow)
        while queue.can_start_group:
            self._start_group(self._drain_remembered(), queue)

    def _may_share(self, book_id: BookId, token_id: TokenId) -> bool:
        """Whether a payment is likely to be decided from memory, without being in the way of other books' payments."""
        known = self.memory.knows(book_id, token_id)
        return known and not self._doubts[book_id].locking and book_id not in self._apart

    def _enqueue(self, payment: QueuedPayment) -> None:
        """Have a payment wait for a group of its own book."""
        book_id = payment.book_id
        queue = self._payments[book_id]
        queue.waiting.append(payment, payment.flow)
        if queue.can_start_group:
            self._start_group(self._drain(book_id, self._payments, self.commit_payments), queue)

    def _start_group(self, work: Coroutine[None, None, None], queue: CommandQueue[Any]) -> None:
        queue.in_flight += 1
        task = self._loop.create_task(work)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def close(self) -> None:
        """Wait until every command that was accepted has its answer."""
        while self._in_flight:
            await asyncio.wait(self._in_flight)
        await self._connections.close()

    async def _drain(
        self,
        book_id: BookId,
        queues: dict[BookId, AnyQueue],
        commit: Callable[[BookId, Sequence[QueuedCommand[Any]]], Awaitable[None]],
    ) -> None:
        """One group of a book after the other, until nobody waits."""
        queue = queues[book_id]
        while group := queue.next_group():
            if wanted := in_time(group):
                with self._traced(wanted):
                    await commit(book_id, wanted)
            queue.done(group)
        queue.in_flight -= 1
        if not queue.in_flight:
            del queues[book_id]
            self._apart.discard(book_id)

    def _traced(self, group: Sequence[QueuedCommand[Any]]) -> AbstractContextManager[None]:
        if self.tracing is None:
            return _UNTRACED
        books = dict.fromkeys(waiting.book_id for waiting in group)
        return self.tracing.group([*books], [waiting.traced for waiting in group])

    async def _drain_remembered(self) -> None:
        """One group of all books after the other, until nobody waits. Nothing here waits long for a single book."""
        queue = self._remembered
        while group := queue.next_group():
            if wanted := in_time(group):
                with self._traced(wanted):
                    for payment in await self.commit_together(wanted):
                        self._enqueue(payment)
            queue.done(group)
        queue.in_flight -= 1
        if not queue.in_flight:
            self._no_more_payments()
