"""The proof that goes on all the time: what has come since the last one is held against every balance that it touches.

A transaction that is over moves nothing any more. So what those before a boundary come to is kept, by account
(proven_balance), and each run reads only what came after it and what was not over. What it proved once it does not
read again: a hand in old rows is found by the next whole proof. docs/decisions/122-a-proof-goes-on.md.

Where more came than a piece, what is behind the next boundary is looked at in pieces first, each by itself: nothing
there changes any more, but for what is not over. Only what came last is added up in the snapshot of the balances.
docs/decisions/217-most-payments-are-proven-by-a-glance.md.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.db.connections import UNAVAILABLE, Connection, Database, Pool
from tallystick.db.statements import load_statements
from tallystick.domain.ids import transaction_ids_from
from tallystick.store.ledger.running.balances import ACCOUNTS_AT_ONCE, BalanceComparison
from tallystick.store.ledger.running.pace import Pace
from tallystick.store.ledger.running.slices import END, Look, Transaction, in_columns, size, slices
from tallystick.store.ledger.verify import MAX_PROBLEMS_PER_CHECK

_SQL: Final = load_statements("proof.sql", __package__)
_LOCK: Final = 0x7A11_0002  # one worker at a time

MARGIN: Final = timedelta(minutes=1)
"""The boundary is so much older than the moment: by then whatever has an older id is committed, or never will be."""

PIECE: Final = 20_000
"""So many transactions are looked at in one go: a tenth of a second."""

_SUMS_PER_PIECE: Final = 5  # pieces that are added up, and not looked at, are so many times larger

_SHARE_IN_SNAPSHOT: Final = 0.5
"""Of the time at least while a snapshot is held, since PostgreSQL clears nothing away; and of a run that is late."""

_LATE: Final = timedelta(minutes=10)

_BEGIN_ANEW_AFTER: Final = timedelta(days=1)
"""What was archived meanwhile would be missing from what is looked at."""


@dataclass(frozen=True, slots=True)
class RunningProof:
    """What the last run found. `transactions` were looked at; `unexplained_micros` as in verify.py."""

    proven_at: datetime
    transactions: int
    unexplained_micros: int
    problems: Sequence[str]


async def last_proof(database: Database) -> RunningProof | None:
    """What the last run found; None before the first one."""
    row = await database.fetchrow(_SQL["read"])
    return None if row is None else _proof(row)


def _proof(row: Any) -> RunningProof:  # noqa: ANN401 - asyncpg's own shape
    return RunningProof(row["proven_at"], row["transactions"], row["unexplained_micros"], tuple(row["problems"]))


async def go_on(
    pool: Pool, now: datetime, also: Sequence[str] = (), *, pace: Pace | None = None, piece: int = PIECE
) -> RunningProof | None:
    """Prove what has come since the last run; None: another worker is at it, or the archive came between.

    A run that finds something proves nothing: the next one begins anew, and reads everything. `now` is real time.
    `also`: problems that were found elsewhere, to be kept with these. `pace`: how fast; without it, without rest. At
    the end it has worked as long as what the next run does again takes. `piece`: so many are looked at in one go.
    """
    async with pool.acquire() as connection:
        if not await connection.fetchval(_SQL["turn"], _LOCK):
            return None
        try:
            return await _Run(connection, now, pace or Pace(), piece).prove(also)
        finally:
            with suppress(*UNAVAILABLE):  # a session that was lost holds no lock any more
                await connection.execute(_SQL["end_turn"], _LOCK)


@dataclass(slots=True)
class _Run:
    """One run. `boundary`: up to where it is proven what is over, "" where nothing is."""

    connection: Connection
    now: datetime
    pace: Pace
    piece: int
    boundary: str = ""
    _begun: float = field(default_factory=time.monotonic)
    _in_snapshot: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._in_snapshot.share = max(self.pace.share, _SHARE_IN_SNAPSHOT)

    async def prove(self, also: Sequence[str]) -> RunningProof | None:
        row = await self.connection.fetchrow(_SQL["read"])
        older: list[Transaction] = []
        if row is not None and abs(self.now - row["proven_at"]) <= _BEGIN_ANEW_AFTER:
            self.boundary = row["boundary"]
            older = [*zip(row["open_books"], row["open_transactions"], strict=True)]
        archived = await self._archived()
        look = Look(self.connection, self.boundary, older)
        await look.begin()
        reached = await self._pieces(look)
        self._in_snapshot.worked_seconds = 0.0
        async with self.connection.transaction(isolation="repeatable_read"):
            await self.connection.execute(_SQL["plan_gently"])
            if await self._archived() != archived:
                return None
            following = max(reached, self._closed())
            not_over = await self._not_over(following)
            await self._rest_of(look, reached, following, not_over)
            unexplained = await self._compare(look)
            found = tuple(dict.fromkeys([*also, *look.problems]))[:MAX_PROBLEMS_PER_CHECK]
            proof = RunningProof(self.now, look.transactions, unexplained, found)
            kept = ("", [], []) if look.problems else (following, *in_columns(not_over))
            await self.connection.execute(
                _SQL["keep"], *kept, proof.proven_at, proof.transactions, unexplained, list(found)
            )
        self.pace.worked_seconds = self._in_snapshot.worked_seconds
        return proof

    async def _archived(self) -> int:
        """How much has left the books so far, where that can be among what is looked at: it is many days old."""
        batches: int = 0 if self.boundary else await self.connection.fetchval(_SQL["batches"])
        return batches

    def _closed(self) -> str:
        """Ids before this one are of what is committed, or never will be."""
        return _ids_from(self.now - MARGIN)

    async def _not_over(self, following: str) -> list[Transaction]:
        """Transactions that are older than the next boundary and not over: what they move may still come."""
        rows = await self.connection.fetch(_SQL["open"])
        return [(row["book_id"], row["transaction_id"]) for row in rows if row["transaction_id"] < following]

    async def _pieces(self, look: Look) -> str:
        """Look at what is behind the next boundary, until the rest is no more than a piece; up to which id that was.

        What is added to `look.older` was not over meanwhile.
        """
        reached = self.boundary
        begun, few = self.now, False
        while not few and await size(self.connection, reached, END, self.piece) > self.piece:
            self.now = begun + timedelta(seconds=time.monotonic() - self._begun)
            closed, late = self._closed(), _ids_from(self.now - _LATE)
            if closed <= reached:
                break
            few = await size(self.connection, reached, closed, self.piece) <= self.piece
            not_over = await self._not_over(closed)
            async for begin, end in slices(self.connection, reached, closed, self.piece):
                pace = self._in_snapshot if begin < late else self.pace
                with pace.work():
                    await self._piece(look, begin, end, not_over)
                await pace.rest()
            look.older = [*look.older, *(named for named in not_over if reached <= named[1])]
            reached = closed
        return reached

    async def _piece(self, look: Look, begin: str, end: str, not_over: Sequence[Transaction]) -> None:
        _, ids = in_columns([named for named in not_over if begin <= named[1] < end])
        async with self.connection.transaction():
            await self.connection.execute(_SQL["plan_gently"])
            await look.at_payments(begin, end, over=True)
            transfers = await look.at_transfers(begin, end, (), ids, over=True, rest=False)
            await look.check(begin, end, transfers=transfers)

    async def _rest_of(self, look: Look, reached: str, following: str, not_over: Sequence[Transaction]) -> None:
        """What was not looked at so far, and what was not over.

        What is newer than the next boundary is looked at, too, if it is little, or else added up: its turn comes.
        """
        few = await size(self.connection, reached, END, self.piece) <= self.piece
        ids = [transaction_id for _, transaction_id in not_over]
        _, older = in_columns(look.older)
        pace = self._in_snapshot
        with pace.work():
            await look.at_payments(reached, following, over=True)
            transfers = await look.at_transfers(reached, following, older, ids, over=True, rest=True)
            if few:
                await look.at_payments(following, END, over=False)
                transfers |= await look.at_transfers(following, END, (), (), over=False, rest=True)
            await look.check(reached, END if few else following, transfers=transfers, older=look.older)
        if not few:
            async for begin, end in slices(self.connection, following, END, _SUMS_PER_PIECE * self.piece):
                with pace.work():
                    await look.at_sums(begin, end)
                    await look.at_transfers(begin, end, (), (), over=False, rest=True)
                await pace.rest()

    async def _compare(self, look: Look) -> int:
        """How far balances are from what is proven and what came since. Keeps what is proven now, if nothing is off."""
        if not self.boundary:
            await self.connection.execute(_SQL["begin"])
            async for book_id, account_id, micros in self.connection.cursor(
                _SQL["archived"], prefetch=ACCOUNTS_AT_ONCE
            ):
                look.moved.add(book_id, account_id, micros, 0)  # all of it is over
        for row in await self.connection.fetch(_SQL["totals"]):
            look.moved.add(row["book_id"], row["account_id"], 0, 0)
        comparison = await self._compared(look)
        if comparison.doubtful:
            await look.check_payments_from([*comparison.doubtful])
            comparison = await self._compared(look)  # with the accounts that these name
        look.problems[:0] = comparison.problems
        if not look.problems:
            await comparison.keep()
        return comparison.unexplained_micros

    async def _compared(self, look: Look) -> BalanceComparison:
        comparison = BalanceComparison(self.connection, look.moved, self._in_snapshot)
        await comparison.with_accounts(whole=not self.boundary)
        return comparison


def _ids_from(moment: datetime) -> str:
    return transaction_ids_from(int(moment.timestamp() * 1000))
