"""A pool of connections to the model, as the program sees one: with a network in between that loses things.

A statement that reached the server is carried out whether or not its answer arrives. A client that goes away leaves its
transaction open until the server notices.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import asyncpg
from tests.simulation.postgres import Record, Server, Transaction

Handler = Callable[..., Awaitable["list[Record] | int"]]
"""What a statement does: rows, or how many of them it changed."""

ANSWER_SECONDS: Final = 7.0
"""As the pool of the money path asks for: longer, and the client gives up."""


class ProcessKilledError(BaseException):
    """The process is gone. No `except Exception` of the program hears of it, as none would hear of a signal 9."""


@dataclass(slots=True)
class Network:
    """Between one process and the server. `cuts`: how likely a connection breaks on each way of a message.

    `lost`: how likely it breaks right after a commit, whose answer nobody hears. `seconds`: the time that a way takes,
    on average. `silence`: how likely an answer takes longer than anybody waits.
    """

    dice: random.Random
    seconds: float = 0.001
    cuts: float = 0.0
    silence: float = 0.0
    lost: float = 0.0
    broken: int = 0
    silent: int = 0
    statements: int = 0
    dead: bool = False

    def way(self) -> float:
        """How long the next message takes."""
        roll = self.dice.random()
        if roll < self.silence:
            self.silent += 1
            return ANSWER_SECONDS * 2
        return self.seconds * (0.5 + roll)

    def cut(self) -> bool:
        if self.cuts and self.dice.random() < self.cuts:
            self.broken += 1
            return True
        return False


@dataclass(slots=True)
class SimulatedPool:
    """Stands for asyncpg's pool. `statements`: the model of each statement, by its text."""

    server: Server
    network: Network
    statements: Mapping[str, Handler]

    def acquire(self) -> _Acquired:
        return _Acquired(self)

    async def release(self, connection: SimulatedConnection) -> None:
        """A connection is used once: what the program keeps of them, it keeps itself."""
        self._alive()
        connection.terminate()

    async def fetch(self, query: str, *values: Any, timeout: float | None = None) -> list[Record]:  # noqa: ASYNC109
        return await SimulatedConnection(self).fetch(query, *values, timeout=timeout)

    async def fetchrow(self, query: str, *values: Any) -> Record | None:
        return await SimulatedConnection(self).fetchrow(query, *values)

    async def fetchval(self, query: str, *values: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        return await SimulatedConnection(self).fetchval(query, *values, timeout=timeout)

    async def execute(self, query: str, *values: Any) -> str:
        return await SimulatedConnection(self).execute(query, *values)

    def commit(self, transaction: Transaction) -> None:
        """The server carries out a COMMIT."""
        transaction.commit()

    def _alive(self) -> None:
        if self.network.dead:
            raise ProcessKilledError


@dataclass(slots=True)
class _Acquired:
    """What `pool.acquire()` gives: to be awaited, or to be entered."""

    pool: SimulatedPool
    connection: SimulatedConnection | None = None

    def __await__(self) -> Generator[Any, None, SimulatedConnection]:
        return self._open().__await__()

    async def _open(self) -> SimulatedConnection:
        network = self.pool.network
        if network.dead:
            raise ProcessKilledError
        if network.cut():
            await asyncio.sleep(network.way())
            raise ConnectionRefusedError("the server cannot be reached")
        return SimulatedConnection(self.pool)

    async def __aenter__(self) -> SimulatedConnection:
        self.connection = await self._open()
        return self.connection

    async def __aexit__(self, *_: object) -> None:
        if self.connection is not None:
            await self.pool.release(self.connection)


@dataclass(slots=True, eq=False)
class SimulatedConnection:
    """Stands for one of asyncpg's."""

    pool: SimulatedPool
    opened: Transaction | None = None
    closed: bool = False
    failed: bool = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        """The server rolls back what was open, when it notices."""
        if self.closed:
            return
        self.closed = True
        if self.opened is not None and not self.opened.over:
            _abort_later(self.pool, self.opened)

    def transaction(self, **_: object) -> SimulatedTransaction:
        return SimulatedTransaction(self)

    async def fetch(self, query: str, *values: Any, timeout: float | None = None) -> list[Record]:  # noqa: ASYNC109
        del timeout
        rows = await self._run(query, values)
        assert not isinstance(rows, int), "this statement gives no rows"
        return rows

    async def fetchrow(self, query: str, *values: Any) -> Record | None:
        rows = await self.fetch(query, *values)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *values: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        del timeout
        row = await self.fetchrow(query, *values)
        return None if row is None else next(iter(row))

    async def execute(self, query: str, *values: Any) -> str:
        done = await self._run(query, values)
        return f"UPDATE {done if isinstance(done, int) else len(done)}"

    async def _run(self, query: str, values: tuple[Any, ...]) -> list[Record] | int:
        pool = self.pool
        handler = pool.statements.get(query)
        if handler is None:
            raise NotImplementedError(f"the model does not know this statement: {query}")
        pool.network.statements += 1
        if self.opened is not None:
            return await self._run_in(self.opened, handler, values)
        await self._send(lambda: _run_alone(pool.server, handler, values))
        done = await _run_alone(pool.server, handler, values)
        await self.receive(after_commit=True)
        return done

    async def _run_in(self, transaction: Transaction, handler: Handler, values: tuple[Any, ...]) -> list[Record] | int:
        if self.failed:
            raise asyncpg.InFailedSQLTransactionError("current transaction is aborted")
        await self._send(None)
        try:
            done = await handler(transaction, *values)
        except BaseException:
            self.failed = True
            raise
        await self.receive()
        return done

    async def _send(self, alone: Callable[[], Awaitable[object]] | None) -> None:
        """One way to the server. `alone`: what the server may do although nobody waits for it any more."""
        self._usable()
        try:
            await self._travel()
        except BaseException:
            if alone is not None and self.pool.network.dice.random() < 0.5:  # it had arrived
                _go_on(alone)
            raise
        if self.opened is not None and self.opened.over:
            raise self._lost(self.opened.error or asyncpg.ConnectionDoesNotExistError("connection was closed"))

    async def receive(self, *, after_commit: bool = False) -> None:
        """The way back: what the server has done is done."""
        network = self.pool.network
        if after_commit and network.lost and network.dice.random() < network.lost:
            network.broken += 1
            raise self._lost(ConnectionResetError("connection reset by peer"))
        await self._travel()

    async def _travel(self) -> None:
        network = self.pool.network
        if network.cut():
            raise self._lost(ConnectionResetError("connection reset by peer"))
        seconds = network.way()
        if seconds > ANSWER_SECONDS:
            await asyncio.sleep(ANSWER_SECONDS)
            raise TimeoutError
        await asyncio.sleep(seconds)
        if network.dead:
            self.terminate()
            raise ProcessKilledError

    def _usable(self) -> None:
        if self.pool.network.dead:
            raise ProcessKilledError
        if self.closed:
            raise asyncpg.InterfaceError("the connection is closed")

    def _lost(self, error: Exception) -> Exception:
        self.terminate()
        return error


@dataclass(slots=True)
class SimulatedTransaction:
    """`connection.transaction()`: BEGIN, then COMMIT or ROLLBACK."""

    connection: SimulatedConnection

    async def __aenter__(self) -> None:
        connection = self.connection
        connection._usable()  # noqa: SLF001 - one module, two halves of the same thing
        assert connection.opened is None, "the program nests no transactions here"
        connection.opened, connection.failed = Transaction(connection.pool.server), False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        connection = self.connection
        transaction = connection.opened
        assert transaction is not None
        try:
            if kind is not None:
                if not connection.closed:
                    transaction.abort()
                return
            await connection._send(None)  # noqa: SLF001 - as above
            connection.pool.commit(transaction)
            await connection.receive(after_commit=True)
        except BaseException:
            if not transaction.over:
                _abort_later(connection.pool, transaction)
            raise
        finally:
            connection.opened = None


async def _run_alone(server: Server, handler: Handler, values: tuple[Any, ...]) -> list[Record] | int:
    """A statement that is its own transaction."""
    transaction = Transaction(server)
    try:
        done = await handler(transaction, *values)
        transaction.commit()
    except BaseException:
        transaction.abort()
        raise
    return done


def _abort_later(pool: SimulatedPool, transaction: Transaction) -> None:
    """The server notices that a client has gone: mostly at once, sometimes after seconds."""
    seconds = pool.network.dice.choice((0.0, 0.001, 0.01, 3.0))
    asyncio.get_running_loop().call_later(seconds, transaction.abort)


def _go_on(work: Callable[[], Awaitable[object]]) -> None:
    """Carried out although the client has gone; nobody hears of it, and not of an error either."""

    async def alone() -> None:
        with _nobody_listens():
            await work()

    asyncio.get_running_loop().create_task(alone())


@contextmanager
def _nobody_listens() -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError:
        return
