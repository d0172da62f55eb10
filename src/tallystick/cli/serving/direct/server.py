"""The public socket: accepts clients, reads what they say in the event loop, and passes on what is not plain."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from tallystick.cli.serving.direct.connections import DirectConnection
from tallystick.cli.serving.direct.exchanges import Dates
from tallystick.cli.serving.direct.inner import connect
from tallystick.cli.serving.direct.splices import Splice

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.cli.serving.direct.inner import Behind
    from tallystick.web.api.asgi import Application
    from tallystick.web.api.plain.lane import Lane

_AT_ONCE: Final = 32
"""So many connections are accepted before whoever has connected already is heard again."""
_TICK_SECONDS: Final = 1.0
_NO_DESCRIPTOR_SECONDS: Final = 1.0
_NOTHING_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
DESCRIPTORS_EACH: Final = 3
"""A connection that is passed on takes the client's and both ends of the one to the HTTP server."""

_log: Final = structlog.get_logger(__name__)


class _Connection(Protocol):
    """A client's, read here or passed on."""

    def tick(self, now: int) -> None: ...

    def end(self) -> None: ...

    def abort(self) -> None: ...


class DirectServer:
    """Answers the clients of `listener` in the running loop. `most`: more connections wait until one is closed.

    `directory`: of the HTTP server's own socket; `behind`: the application as that one sees it. `lane`: the short way
    to it for plain calls.
    """

    def __init__(
        self,
        application: Application,
        behind: Behind,
        listener: socket.socket,
        directory: Path,
        most: int,
        lane: Lane | None = None,
    ) -> None:
        self.application = application
        self.lane = lane
        self.state: dict[str, Any] = behind.state
        self.loop = asyncio.get_running_loop()
        self.dates = Dates()
        self.tick = 0
        """Seconds since the beginning; longer ones where there is much to do."""
        self.ending = False
        self.connections: set[_Connection] = set()
        self._listener = listener
        self._directory = directory
        self._most = most
        self._open_connections = 0
        self._opening: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._full = False
        self._empty = asyncio.Event()
        self._timer = self.loop.call_later(_TICK_SECONDS, self._on_tick)

    def accept(self) -> None:
        """Accept connections from now on."""
        if not self._accepting:
            self._accepting = True
            self.loop.add_reader(self._listener, self._on_connection)

    def accept_no_more(self) -> None:
        """Leave those who connect in the queue of the socket."""
        if self._accepting:
            self._accepting = False
            self.loop.remove_reader(self._listener)

    def _on_connection(self) -> None:
        for _ in range(_AT_ONCE):
            if self._open_connections >= self._most:
                self._full = True
                self.accept_no_more()
                return
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            accepted.setblocking(False)
            self._open_connections += 1
            task = self.loop.create_task(self._open(accepted))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def _pause(self, error: OSError) -> None:
        """Wait a moment: there is no descriptor, and nothing else would tell when there is one again."""
        if error.errno not in _NOTHING_LEFT:
            raise error
        _log.warning("no_descriptor_left", error=error.strerror, connections=len(self.connections))
        self._full = False
        self.accept_no_more()
        self.loop.call_later(_NO_DESCRIPTOR_SECONDS, self._accept_again)

    def _accept_again(self) -> None:
        if not self.ending:
            self.accept()

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self.loop.connect_accepted_socket(lambda: DirectConnection(self), accepted)
        except OSError:
            accepted.close()
            self._one_less()

    def left(self, connection: _Connection) -> None:
        """A connection is closed."""
        self.connections.discard(connection)
        self._one_less()

    def _one_less(self) -> None:
        self._open_connections -= 1
        if self._full and self._open_connections < self._most:
            self._full = False
            self._accept_again()
        if self.ending and not self.connections:
            self._empty.set()

    def pass_on(self, connection: _Connection, transport: asyncio.Transport, data: bytes) -> None:
        """Have the HTTP server read `data`, and all else that comes by the transport of this connection."""
        if self.ending:  # nobody would read it any more
            transport.close()
            return
        client, address = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        try:
            inner = connect(self._directory, client[:2], address[:2])
        except (OSError, TypeError) as error:  # gone meanwhile, or nothing is left
            _log.warning("connection_not_passed_on", error=repr(error))
            transport.abort()
            return
        splice = Splice(transport, self.left)
        self.connections.add(splice)
        self.connections.discard(connection)
        splice.join(inner, data)

    def _on_tick(self) -> None:
        self.tick += 1
        self.dates.renew()
        for connection in tuple(self.connections):
            connection.tick(self.tick)
        self._timer = self.loop.call_later(_TICK_SECONDS, self._on_tick)

    def end(self) -> None:
        """Listen no more; close what is idle now, and what is under way as soon as it is answered."""
        self.ending = True
        self.accept_no_more()
        self._listener.close()
        for connection in tuple(self.connections):
            connection.end()
        if not self.connections:
            self._empty.set()

    async def until_empty(self) -> None:
        """Wait until all connections are closed, after `end`."""
        await self._empty.wait()

    def close(self) -> None:
        """Close everything now."""
        self.end()
        self._timer.cancel()
        for connection in tuple(self.connections):
            connection.abort()
