"""Money connections to the machine of a cluster that has the book, so that the coordinator is not on their way.

Citus lets every machine take every statement, and passes on what it has not itself. So a route that is out of date is
slow and not wrong: books that have moved are followed, and nobody hears of it. While a machine cannot be reached, its
books' statements go to the coordinator, which knows whether another one has taken its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from tallystick.db.connections import UNAVAILABLE
from tallystick.db.kept_connections import KeptConnections

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import PoolConnectionProxy

    from tallystick.db.connections import Pool
    from tallystick.db.distribution import Node

FOLLOW_SECONDS: Final = 5.0
"""How long a book that has moved may be asked for at its old machine, which passes it on."""

LOOK_SECONDS: Final = 2.0
"""How long looking a book up may take; then what was known before counts on."""

AVOID_SECONDS: Final = 15.0
"""How long a machine that could not be reached is left alone, and a lookup that failed is not tried again."""

CONNECT_SECONDS: Final = 3
"""How long a connection to a machine may take: much less than a call has."""

_log = structlog.get_logger(__name__)

Locate = Callable[[Sequence[int]], Awaitable[Mapping[int, "Node"]]]
"""Which machine has each of some books; those that are on none that is known are left out."""


@dataclass(slots=True)
class NodeRouter:
    """Keeps connections as KeptConnections does, to each machine its own.

    `coordinator`: for books of which nothing is known, and while their machine cannot be reached. `open_node`: opens a
    pool to a machine. `follow` has to run beside: it notices books that have moved.
    """

    coordinator: KeptConnections
    locate: Locate
    open_node: Callable[[Node], Awaitable[Pool]]
    _routes: dict[int, Node] = field(default_factory=dict)
    _doubtful: set[int] = field(default_factory=set)
    """Books on whose machine something went wrong last: they are looked up before they are asked for again."""
    _nodes: dict[Node, KeptConnections] = field(default_factory=dict)
    _opening: dict[Node, asyncio.Lock] = field(default_factory=dict)
    _avoided: dict[Node, float] = field(default_factory=dict)
    """Machines that could not be reached, until when."""
    _lookups_after: float = 0.0

    @property
    def nodes(self) -> list[Node]:
        """The machines to which connections are kept."""
        return list(self._nodes)

    @asynccontextmanager
    async def one(self, book_id: int | None = None) -> AsyncIterator[PoolConnectionProxy[Record]]:
        """A connection for one user, about one book: to its machine, or to the coordinator. None: about several."""
        async with AsyncExitStack() as stack:
            if book_id is None:
                yield await stack.enter_async_context(self.coordinator.one())
                return
            connection = await self._enter(stack, book_id)
            try:
                yield connection
            except Exception:
                self._doubtful.add(book_id)
                raise

    async def _enter(self, stack: AsyncExitStack, book_id: int) -> PoolConnectionProxy[Record]:
        for _once_more in range(2):
            node = await self._node_of(book_id)
            if node is None or self._is_avoided(node):
                break
            try:
                return await stack.enter_async_context((await self._kept(node)).one(book_id))
            except UNAVAILABLE as error:
                self._doubtful.add(book_id)
                if not self._is_avoided(node):
                    self._avoided[node] = asyncio.get_running_loop().time() + AVOID_SECONDS
                    _log.warning("node_unreachable", host=node.host, port=node.port, error=repr(error))
        return await stack.enter_async_context(self.coordinator.one(book_id))

    def _is_avoided(self, node: Node) -> bool:
        return self._avoided.get(node, 0) > asyncio.get_running_loop().time()

    async def _node_of(self, book_id: int) -> Node | None:
        if book_id not in self._routes or book_id in self._doubtful:
            await self._look_up([book_id])
        return self._routes.get(book_id)

    async def _look_up(self, book_ids: Sequence[int]) -> None:
        """Learn where books are. Where nobody can tell, what was known before counts on."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._lookups_after:
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                found = await self.locate(book_ids)
        except (*UNAVAILABLE, asyncpg.PostgresError) as error:
            _log.warning("books_not_located", books=len(book_ids), error=repr(error))
            self._lookups_after = loop.time() + AVOID_SECONDS
            return
        for book_id in book_ids:
            before, now = self._routes.pop(book_id, None), found.get(book_id)
            if now is not None:
                self._routes[book_id] = now
            if before is not None and before != now:
                _log.info("book_moved", book_id=book_id, host=now and now.host, port=now and now.port)
        self._doubtful.difference_update(book_ids)

    async def _kept(self, node: Node) -> KeptConnections:
        async with self._opening.setdefault(node, asyncio.Lock()):
            if self._is_avoided(node):  # somebody who was first has tried meanwhile
                raise ConnectionRefusedError
            if node not in self._nodes:
                pool = await self.open_node(node)
                self._nodes[node] = KeptConnections(pool, self.coordinator.maximum, self.coordinator.replans)
            return self._nodes[node]

    async def follow(self) -> None:
        """Look all known books up again, and again after FOLLOW_SECONDS; for ever."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                await self.look_again()
            except Exception as error:  # noqa: BLE001 - the next time it may be better, and nobody else would go on
                _log.warning("books_not_followed", error=repr(error))

    async def look_again(self) -> None:
        """Look all known books up, and let go of machines that have none any more."""
        if self._routes:
            await self._look_up(list(self._routes))
        for node in self._nodes.keys() - set(self._routes.values()):
            await self._let_go(node)

    async def _let_go(self, node: Node) -> None:
        kept = self._nodes.pop(node, None)
        if kept is None:
            return  # somebody else is at it
        kept.maximum = 0  # who still uses one gives it back to the pool
        await kept.close()
        await kept.pool.close()  # waits for who uses one of its connections

    async def close(self) -> None:
        """End all connections to machines, and give those to the coordinator back to their pool."""
        for node in list(self._nodes):
            await self._let_go(node)
        await self.coordinator.close()
