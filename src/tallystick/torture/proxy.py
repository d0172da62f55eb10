"""TCP proxies before processes and before the database: they cut, hold back and slow down what passes through them.

The proxy knows nothing of HTTP but this: what a client sends is a request, and what comes back is its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


@dataclass(slots=True)
class Proxy:
    """Passes on what it gets, apart from these faults.

    `cut_requests`: so many of the next requests end with their connection before they are passed on; `cut_answers`: so
    many of the next answers are thrown away, their connection with them. `delay_seconds`: how long each piece waits.
    `cuts`: how many connections were cut so far.
    """

    connect: Connect
    port: int = 0
    cut_requests: int = 0
    cut_answers: int = 0
    delay_seconds: float = 0.0
    cuts: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        """Listen on a port that the system chooses, while this is open."""
        server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut_all()
            await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where HTTP clients find it."""
        return f"http://{HOST}:{self.port}"

    def cut_all(self) -> None:
        """Break every connection that is open."""
        for task in self._open:
            task.cancel()
        self.cuts += len(self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection has a task of its own")
        self._open.add(task)
        try:
            await self._pass((reader, writer))
        except asyncio.CancelledError:
            pass  # cut: the streams' own task has nobody else to tell
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _pass(self, client: Streams) -> None:
        try:
            server = await self.connect()
        except OSError:
            return  # nobody is there: the client's connection breaks
        try:
            ways = (
                asyncio.create_task(self._one_way(client[0], server[1], answers=False)),
                asyncio.create_task(self._one_way(server[0], client[1], answers=True)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            server[1].transport.abort()

    async def _one_way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self._cuts(answers=answers):
                    return
                sink.write(data)
                await sink.drain()

    def _cuts(self, *, answers: bool) -> bool:
        left = self.cut_answers if answers else self.cut_requests
        if not left:
            return False
        if answers:
            self.cut_answers -= 1
        else:
            self.cut_requests -= 1
        self.cuts += 1
        return True


def to_port(port: int) -> Connect:
    """The way to a server on this machine."""

    async def connect() -> Streams:
        return await asyncio.open_connection(HOST, port)

    return connect


def to_socket(path: str) -> Connect:
    """The way to a server behind a Unix socket."""

    async def connect() -> Streams:
        return await asyncio.open_unix_connection(path)

    return connect
