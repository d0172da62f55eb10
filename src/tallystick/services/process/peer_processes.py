"""The processes of one `serve`: each answers the others with its counters, so that any can report those of all.

The kernel chooses which process gets a connection, so a scraper cannot address one of them. Each process listens on a
Unix socket in a directory of the service's own; the socket's name is the number of the process, which stays the same
after a restart. Counters are exchanged only when metrics are scraped, so counting costs a call nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 2.0
"""Time-out for the answer of another process: a busy one answers between two of its calls."""


@dataclass(frozen=True, slots=True)
class PeerProcesses:
    """Where the processes find one another, and the name of this one among them. No directory: there is only one."""

    directory: Path | None = None
    name: str = "0"

    @asynccontextmanager
    async def answering(self, what: Callable[[], bytes]) -> AsyncIterator[None]:
        """Serve the peers' questions while this is open; `what` makes the answer. Raises OSError."""
        if self.directory is None:
            yield
            return

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(what())
                await writer.drain()
            writer.close()

        socket = self.directory / self.name
        socket.unlink(missing_ok=True)  # left behind by a process that was killed
        server = await asyncio.start_unix_server(answer, socket)
        try:
            yield
        finally:
            server.close()

    async def ask(self) -> Mapping[str, bytes | None]:
        """The answer of every other process, by name; None where one does not answer."""
        others = [] if self.directory is None else sorted(set(_sockets(self.directory)) - {self.directory / self.name})
        told = await asyncio.gather(*map(_ask, others))
        return {path.name: answer for path, answer in zip(others, told, strict=True)}


def _sockets(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.is_socket()]
    except FileNotFoundError:  # all of them are about to end
        return []


async def _ask(socket: Path) -> bytes | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                return await reader.read()
            finally:
                writer.close()
    except OSError:  # also the time-out
        return None
