"""How a group of refunds is committed: read without locking, then with payments of the same book, or by itself.

Where payments of the book are on their way, refunds that were read wait for the next group of these and are written
with it; else they have a statement of their own. Where anything has changed since they were read they lock, as all else
does. decisions/210 and 221 tell why.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.connections import Connection
from tallystick.domain.commands import Refund
from tallystick.domain.ids import BookId
from tallystick.store.ledger.apply import VersionConflictError
from tallystick.store.ledger.command_queue import LockingBackoff, PaymentQueue, QueuedCommand, fail, until_of
from tallystick.store.ledger.group_commits import GroupCommits
from tallystick.store.ledger.memory.cached_keys import with_unchanged_keys, without_cached_keys
from tallystick.store.ledger.memory.payments_from_memory import FromMemory
from tallystick.store.ledger.memory.refunds_beside import Fate, WaitingRefunds, write_beside
from tallystick.store.ledger.optimistic.refunds import read_refunds


@dataclass(slots=True)
class RefundCommits(GroupCommits):
    """Commits groups of refunds, with payments or without. The fields are those of Committer."""

    _remembered: PaymentQueue = field(default_factory=PaymentQueue)
    """Payments of all books that are likely to be decided from memory."""
    _refund_backoffs: defaultdict[BookId, LockingBackoff] = field(default_factory=lambda: defaultdict(LockingBackoff))
    _beside: list[WaitingRefunds] = field(default_factory=list)
    """Refunds that wait for payments of their book."""

    async def commit_refunds(self, book_id: BookId, group: Sequence[QueuedCommand[Refund]]) -> None:
        """Refunds of one book, without locks where that goes."""
        if self._refund_backoffs[book_id].try_optimistically():
            group = await self._refund(book_id, group)
        if group:
            await self._commit_and_answer(book_id, without_cached_keys(group))

    def _revalidates_refunds(self, book_id: BookId) -> bool:
        """Whether the next refunds of a book are likely to be read without locks, and their cached keys with them."""
        return not self._refund_backoffs[book_id].locking

    async def _refund(self, book_id: BookId, group: Sequence[QueuedCommand[Refund]]) -> Sequence[QueuedCommand[Refund]]:
        """Read, decide and write refunds without locking. Those who have no answer yet are returned."""
        backoff, signed, refunds = self._refund_backoffs[book_id], group, None
        try:
            async with asyncio.timeout_at(until_of(group)), self._connections.one(book_id) as connection:
                keys = {waiting.key.access_key_id for waiting in group if waiting.key is not None}
                named = [waiting.command for waiting in group]
                snapshot = await read_refunds(connection, book_id, named, keys, self.clock, self.rules)
                if snapshot is not None:
                    signed = with_unchanged_keys(group, snapshot.keys) if keys else group
                    if not signed:
                        return ()  # all have heard that their keys have changed
                    refunds = WaitingRefunds(snapshot, [waiting.command for waiting in signed])
                    if not self._remembered.in_flight:
                        await refunds.write(connection, self.clock())
            if refunds is not None and not refunds.are_written:
                await self._write_beside_payments(refunds, until_of(signed))
        except WrongClockError as error:
            fail(signed, error)
            return ()
        except VersionConflictError:
            self.statistics.version_conflicts += 1
            backoff.conflicted()
            return signed
        except Exception as error:  # noqa: BLE001 - whatever it was, it may not be so with locks
            self._note_failure([book_id], signed, error)
            return signed
        if refunds is None:
            backoff.conflicted()  # the next ones of this book may well be of the same kind
            return group
        backoff.succeeded()
        self._answer(book_id, signed, refunds.decide().decisions, commits=0 if refunds.are_beside else 1)
        return ()

    async def _write_beside_payments(self, refunds: WaitingRefunds, until: float) -> None:
        """Have refunds written with payments, or by themselves. Raises VersionConflictError: they were overtaken."""
        fate = Fate.ALONE
        if self._remembered.in_flight:  # which may have ended since
            self._beside.append(refunds)
            fate = await refunds.fate
        if fate is Fate.OVERTAKEN:
            raise VersionConflictError
        if fate is Fate.ALONE:
            async with asyncio.timeout_at(until), self._connections.one(refunds.book_id) as connection:
                await refunds.write(connection, self.clock())

    async def write_from_memory(self, connection: Connection, found: Sequence[FromMemory]) -> None:
        """As that of payments alone; refunds of their book that wait are written with them.

        Where something is not as it was read or remembered, the refunds leave, and the payments are tried without them:
        these are not suspected for the others' sake.
        """
        refunds = self._next_beside(found)
        if refunds is not None:
            fate = Fate.OVERTAKEN
            try:
                fate = await write_beside(connection, found[0], refunds, self.clock(), self.patience_milliseconds)
            except VersionConflictError:
                pass
            finally:
                refunds.end(fate)
            if fate is Fate.WRITTEN:
                return
        await GroupCommits.write_from_memory(self, connection, found)  # a class with slots is made anew: no `super`

    def _next_beside(self, found: Sequence[FromMemory]) -> WaitingRefunds | None:
        """The first refunds that wait for payments of this book. Those of others, or of several, wait no longer."""
        chosen, still = None, []
        for refunds in self._beside:
            if len(found) > 1 or refunds.book_id != found[0].loaded.state.book.book_id:
                refunds.end(Fate.ALONE)
            elif chosen is None:
                chosen = refunds
            else:
                still.append(refunds)
        self._beside = still
        return chosen

    def _no_more_payments(self) -> None:
        """Nobody waits for a group of payments from memory: refunds need not, either."""
        for refunds in self._beside:
            refunds.end(Fate.ALONE)
        self._beside.clear()
