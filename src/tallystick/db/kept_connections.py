"""Connections that are taken from a pool once and used again and again: to give one back costs a turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asyncpg import InterfaceError

from tallystick.db.database import forget_plans

if TYPE_CHECKING:
    from types import TracebackType

    from asyncpg import Record
    from asyncpg.pool import PoolConnectionProxy

    from tallystick.db.connections import Pool


_MOST_COUNTED: Final = 256

REPLAN_AFTER: Final = frozenset({16, 64, 256, 1024, 4096, 16384, 65536})
"""Uses of a connection after which its statements are planned anew.

In a new database they were planned for empty tables, where every index that begins with the book seems as good as the
key. Autovacuum, which tells better, comes by only after a minute or two.
"""


@dataclass(slots=True)
class KeptConnections:
    """At most `maximum` of the pool's connections wait here for their next use; the others go back as always.

    None does while somebody waits for the pool, who would not see it here. `replans`: statements are planned once for
    all, and anew as tables grow.
    """

    pool: Pool
    maximum: int
    replans: bool = False
    _idle: list[PoolConnectionProxy[Record]] = field(default_factory=list)
    _awaited: int = 0
    _uses: dict[int, int] = field(default_factory=dict)
    """Of each connection, by the server's number of it."""

    def one(self, _book_id: int | None = None) -> ConnectionInUse:
        """A connection for one user, whatever the book. Where the user fails, the pool sees what has become of it."""
        return ConnectionInUse(self)

    @property
    def has_one(self) -> bool:
        """Whether the next user has a connection at once, without waiting for anybody."""
        return bool(self._idle) and _is_open(self._idle[-1])

    async def take(self) -> PoolConnectionProxy[Record]:
        """The one that was kept last, or one of the pool's."""
        connection = await self._take()
        if self.replans:
            try:
                await self._count(connection)
            except BaseException as error:
                await self.give_up(connection, error)
                raise
        return connection

    async def give_back(self, connection: PoolConnectionProxy[Record]) -> None:
        """Keep it, or let the pool have it. One that the server ends while it is kept is found out by the next user."""
        if not self._awaited and len(self._idle) < self.maximum:
            self._idle.append(connection)
        else:
            await self.pool.release(connection)

    async def give_up(self, connection: PoolConnectionProxy[Record], error: BaseException) -> None:
        """Let the pool have one whose user failed."""
        if isinstance(error, (TimeoutError, asyncio.CancelledError)):
            connection.terminate()  # it may never answer; the pool would wait until it does
        await self.pool.release(connection)

    async def _take(self) -> PoolConnectionProxy[Record]:
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            await self.pool.release(connection)
        self._awaited += 1
        try:
            return await self.pool.acquire()
        finally:
            self._awaited -= 1

    async def _count(self, connection: PoolConnectionProxy[Record]) -> None:
        number = connection.get_server_pid()
        uses = self._uses[number] = self._uses.get(number, 0) + 1
        if uses in REPLAN_AFTER:
            await forget_plans(connection)
        if len(self._uses) > _MOST_COUNTED:
            del self._uses[next(iter(self._uses))]

    async def close(self) -> None:
        """Give everything back to the pool."""
        while self._idle:
            await self.pool.release(self._idle.pop())


class ConnectionInUse:
    """Takes one of the kept connections, and gives it back.

    A class, as each lonely payment needs one: a generator takes a dozen calls more.
    """

    __slots__ = ("_connection", "_kept")

    def __init__(self, kept: KeptConnections) -> None:
        self._kept = kept

    async def __aenter__(self) -> PoolConnectionProxy[Record]:
        self._connection = await self._kept.take()
        return self._connection

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self._kept.give_back(self._connection)
        else:
            await self._kept.give_up(self._connection, error)


@asynccontextmanager
async def given_up_when_silent(connection: PoolConnectionProxy[Record]) -> AsyncIterator[None]:
    """Inside of a transaction: one whose time is up ends with its connection.

    Else the driver would roll it back first, and wait once more for a server that says nothing.
    """
    try:
        yield
    except (TimeoutError, asyncio.CancelledError):
        connection.terminate()
        raise


def _is_open(connection: PoolConnectionProxy[Record]) -> bool:
    """Whether it can be used. One that the server has ended was taken from its user, who may not even ask then."""
    try:
        return not connection.is_closed()
    except InterfaceError:
        return False
