"""A cluster as the router sees it, of several plain databases: books live in one of them each, move, and machines die.

What it cannot do is to pass a statement on: a machine that no longer has a book refuses what is said of it, so that a
route that is out of date is not only slow here.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import asyncpg

from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.distribution import Node
from tallystick.db.kept_connections import KeptConnections
from tallystick.db.node_router import NodeRouter
from tallystick.torture.proxy import HOST, Connect, Proxy, Streams, to_port, to_socket


def to_server(url: str) -> Connect:
    """How to connect to the server of a database, over TCP or its socket."""
    parts = urlsplit(url)
    directory = parse_qs(parts.query).get("host", [""])[0]
    if directory.startswith("/"):
        return to_socket(f"{directory}/.s.PGSQL.{parts.port or 5432}")
    return to_port(parts.port or 5432)


@dataclass
class Machine:
    """One of them: behind a proxy of its own, so that it can be dead while the database is there."""

    url: str
    proxy: Proxy = field(init=False)
    is_dead: bool = False

    def __post_init__(self) -> None:
        connect = to_server(self.url)

        async def unless_dead() -> Streams:
            if self.is_dead:
                raise ConnectionRefusedError
            return await connect()

        self.proxy = Proxy(unless_dead)

    @property
    def node(self) -> Node:
        return Node(HOST, self.proxy.port)

    def die(self) -> None:
        self.is_dead = True
        self.proxy.cut_all()


@dataclass
class Cluster:
    """`places`: where each book is. `lookups`: how often it was asked. `is_gone`: what asking comes to instead."""

    machines: Sequence[Machine]
    places: dict[int, Node] = field(default_factory=dict)
    lookups: int = 0
    is_gone: Exception | None = None

    async def locate(self, book_ids: Sequence[int]) -> Mapping[int, Node]:
        self.lookups += 1
        if self.is_gone is not None:
            raise self.is_gone
        return {book_id: self.places[book_id] for book_id in book_ids if book_id in self.places}

    def machine_of(self, node: Node) -> Machine:
        return next(machine for machine in self.machines if machine.node == node)

    async def open_node(self, node: Node) -> Pool:
        address = distribution.address_of(self.machine_of(node).url, node)
        return await open_pool(address, max_size=3, connect_timeout_seconds=3, plan_once=True)

    def router(self, coordinator: Pool) -> NodeRouter:
        return NodeRouter(KeptConnections(coordinator, 2), self.locate, self.open_node)

    async def move(self, book_id: int, to: Machine) -> None:
        """Move a book with all its rows and its entry, while it is in use; the rest is on every machine already.

        So are the entries of the operator's books. Statements lock tables in another order: where one of them and we
        wait for each other, the server breaks off one of us, and if that is us, we begin again.
        """
        while True:
            with suppress(asyncpg.DeadlockDetectedError):
                await self._move(book_id, to)
                return

    async def _move(self, book_id: int, to: Machine) -> None:
        old, new = await asyncpg.connect(self.machine_of(self.places[book_id]).url), await asyncpg.connect(to.url)
        try:
            async with old.transaction():
                await old.execute("SET LOCAL session_replication_role = 'replica'")  # keys hold at the end
                tables = await distribution.tables_of_books(old)
                await old.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
                of_seller = await old.fetchval("SELECT party_id IS NOT NULL FROM book WHERE book_id = $1", book_id)
                async with new.transaction():
                    await new.execute("SET LOCAL session_replication_role = 'replica'")
                    for table in (*tables, *(["book"] if of_seller else [])):
                        await _copy(old, new, table, "WHERE book_id = $1", book_id)
                        await old.execute(f"DELETE FROM {table} WHERE book_id = $1", book_id)  # noqa: S608 - ours
                self.places[book_id] = to.node  # who still waits at the old place finds it there
        finally:
            await old.close()
            await new.close()

    async def copy_what_is_everywhere(self) -> None:
        """From the first machine to the others: of books only those of the operator, which belong to nobody."""
        first, *others = [await asyncpg.connect(machine.url) for machine in self.machines]
        for other in others:
            async with other.transaction():
                await other.execute("SET LOCAL session_replication_role = 'replica'")
                for table in distribution.REFERENCE_TABLES:
                    kept = "WHERE party_id IS NULL" if table == "book" else "WHERE party_id IS NOT NULL"
                    await other.execute(f"DELETE FROM {table} {kept}")  # noqa: S608 - a table of ours
                    await _copy(first, other, table, kept)
        for connection in (first, *others):
            await connection.close()


async def _copy(
    old: asyncpg.Connection[asyncpg.Record],
    new: asyncpg.Connection[asyncpg.Record],
    table: str,
    which: str,
    *arguments: object,
) -> None:
    rows = io.BytesIO()
    await old.copy_from_query(f"SELECT * FROM {table} {which}", *arguments, output=rows)  # noqa: S608 - a table of ours
    rows.seek(0)
    await new.copy_to_table(table, source=rows)


@asynccontextmanager
async def cluster_of(*urls: str) -> AsyncIterator[Cluster]:
    """A cluster of databases, given by the addresses of their owner."""
    async with AsyncExitStack() as stack:
        machines = [Machine(url) for url in urls]
        for machine in machines:
            await stack.enter_async_context(machine.proxy.listening())
        yield Cluster(machines)
