"""A model of what PostgreSQL promises at READ COMMITTED: rows that only commits change for others, locks, unique keys.

Statements are written in Python, in `money.py` and `work.py`. What they read before they first wait is one snapshot,
since nothing else runs meanwhile; after they waited for a row they go on with its newest version, as the server does.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

Key = tuple[Any, ...]

LOCK_SECONDS: Final = 5.0
"""As open_pool asks for: longer, and the statement fails."""

NOTICES_DEADLOCK_SECONDS: Final = 1.0


class Record(dict[str, Any]):
    """A row as the driver gives it: by name like a mapping, and in the order of its columns like a sequence."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


class Table:
    """`rows`: what is committed, and by which transactions (`versions`).

    `dirty`: what one transaction has written; it holds the lock of that row.
    """

    __slots__ = ("dirty", "name", "owners", "queues", "rows", "versions")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[Key, Record] = {}
        self.dirty: dict[Key, tuple[Transaction, Record | None]] = {}
        self.owners: dict[Key, Transaction] = {}
        self.versions: dict[Key, int] = {}
        self.queues: defaultdict[Key, deque[asyncio.Future[None]]] = defaultdict(deque)


@dataclass(slots=True)
class Server:
    """The tables, and the transactions that are open. `dice` decides what has no order by itself."""

    dice: random.Random
    begin: datetime
    jitter: float = 0.05
    """How often a statement is interrupted between two locks, so that another one comes in between."""
    tables: dict[str, Table] = field(default_factory=dict)
    open: dict[Transaction, None] = field(default_factory=dict)
    restarts: int = 0
    deadlocks: int = 0
    commits: int = 0
    ahead: timedelta = timedelta(0)
    _xid: int = 100

    def table(self, name: str) -> Table:
        table = self.tables.get(name)
        if table is None:
            table = self.tables[name] = Table(name)
        return table

    def rows(self, name: str) -> list[Record]:
        """What is committed, as somebody who begins now sees it."""
        return list(self.table(name).rows.values())

    def now(self) -> datetime:
        """The server's own clock, which is right."""
        return self.begin + self.ahead + timedelta(seconds=asyncio.get_running_loop().time())

    def next_xid(self) -> int:
        self._xid += 1
        return self._xid

    @property
    def started_at(self) -> datetime:
        """Another one with each start."""
        return self.begin + timedelta(seconds=self.restarts)

    def restart(self) -> None:
        """Killed and started again: what was not committed is gone, and so are all connections."""
        self.restarts += 1
        for transaction in list(self.open):
            transaction.abort(asyncpg.AdminShutdownError("terminating connection due to administrator command"))


class Transaction:
    """One transaction at READ COMMITTED, or one statement that is its own."""

    __slots__ = ("error", "held", "over", "server", "waiting", "waits_for", "written", "xid")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.xid = 0
        self.over = False
        self.error: Exception | None = None
        self.held: list[tuple[Table, Key]] = []
        self.written: list[tuple[Table, Key]] = []
        self.waits_for: Transaction | None = None
        self.waiting: asyncio.Future[None] | None = None
        server.open[self] = None

    def see(self, table: str, key: Key) -> Record | None:
        """A row as this transaction sees it now: its own version, else the newest that is committed."""
        known = self.server.table(table)
        dirty = known.dirty.get(key)
        if dirty is not None and dirty[0] is self:
            return dirty[1]
        return known.rows.get(key)

    def version(self, table: str, key: Key) -> int:
        """The xmin of a row that is committed: another one with each change."""
        return self.server.table(table).versions.get(key, 0)

    def scan(self, table: str) -> Iterator[tuple[Key, Record]]:
        """All rows as this transaction sees them now, in the order of their keys' first insertion."""
        known = self.server.table(table)
        for key in [*known.rows, *(key for key in known.dirty if key not in known.rows)]:
            row = self.see(table, key)
            if row is not None:
                yield key, row

    async def lock(self, table: str, key: Key) -> Record | None:
        """Lock a row, or the place where one would be, until the end; its newest version.

        Raises DeadlockDetectedError, LockNotAvailableError, and what ended the transaction meanwhile.
        """
        known = self.server.table(table)
        if known.owners.get(key) is not self:
            if self.server.jitter and self.server.dice.random() < self.server.jitter:
                await asyncio.sleep(self.server.dice.random() * 0.001)
            while (owner := known.owners.get(key)) is not None:
                await self._wait(known, key, owner)
            self._check()
            known.owners[key] = self
            self.held.append((known, key))
        return self.see(table, key)

    async def _wait(self, table: Table, key: Key, owner: Transaction) -> None:
        self._check()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        table.queues[key].append(future)
        self.waits_for, self.waiting = owner, future
        if self._is_in_a_circle():
            timer = loop.call_later(NOTICES_DEADLOCK_SECONDS, self._give_way, future)
        else:
            timer = loop.call_later(LOCK_SECONDS, _fail, future, asyncpg.LockNotAvailableError("lock timeout"))
        try:
            await future
        finally:
            timer.cancel()
            self.waits_for = self.waiting = None

    def _is_in_a_circle(self) -> bool:
        other = self.waits_for
        while other is not None:
            if other is self:
                return True
            other = other.waits_for
        return False

    def _give_way(self, future: asyncio.Future[None]) -> None:
        if not future.done():
            self.server.deadlocks += 1
            future.set_exception(asyncpg.DeadlockDetectedError("deadlock detected"))

    async def insert(self, table: str, key: Key, row: Record) -> None:
        """Raises UniqueViolationError: the key is taken. Waits for another transaction that is about to take it."""
        if await self.lock(table, key) is not None:
            raise asyncpg.UniqueViolationError(f"duplicate key in {table}: {key}")
        self.write(table, key, row)

    async def update(self, table: str, key: Key, **changes: Any) -> bool:
        """Change a row, after waiting for its lock; False where there is none."""
        row = await self.lock(table, key)
        if row is None:
            return False
        self.write(table, key, Record({**row, **changes}))
        return True

    def write(self, table: str, key: Key, row: Record | None) -> None:
        """The new version of a row that is locked; None deletes it."""
        self._check()
        known = self.server.table(table)
        assert known.owners.get(key) is self, f"{table} {key} is written without its lock"
        if not self.xid:
            self.xid = self.server.next_xid()
        if key not in known.dirty:
            self.written.append((known, key))
        known.dirty[key] = (self, row)

    def commit(self) -> None:
        """Others see what was written. Raises what has ended it before."""
        self._check()
        for table, key in self.written:
            _, row = table.dirty.pop(key)
            if row is None:
                table.rows.pop(key, None)
            else:
                table.rows[key] = row
            table.versions[key] = self.xid
        if self.written:
            self.server.commits += 1
        self._end()

    def abort(self, error: Exception | None = None) -> None:
        """Nothing has happened. `error`: what a statement that still waits is told."""
        if self.over:
            return
        for table, key in self.written:
            del table.dirty[key]
        self.error = error
        if self.waiting is not None:
            _fail(self.waiting, error or asyncpg.QueryCanceledError("canceled"))
        self._end()

    def _end(self) -> None:
        self.over = True
        self.server.open.pop(self, None)
        for table, key in self.held:
            del table.owners[key]
            for future in table.queues.pop(key, ()):
                if not future.done():
                    future.set_result(None)

    def _check(self) -> None:
        if self.over:
            raise self.error or asyncpg.InterfaceError("the transaction is over")


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
