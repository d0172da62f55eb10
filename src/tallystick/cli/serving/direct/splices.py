"""Two connections joined: what one end says goes to the other, byte for byte, until either is gone.

Neither end is read faster than the other one takes it, so a client that does not read its answer holds up the HTTP
server as if it had connected there, and what waits between them is bounded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

WAITING_BYTES: Final = 128 * 1024
"""From so many bytes on that one end has not taken yet the other one is not read."""


class _End(asyncio.Protocol):
    """One of the two. What it hears it says to `other`."""

    __slots__ = ("other", "transport")

    other: _End
    transport: asyncio.Transport | None

    def __init__(self) -> None:
        self.transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(WAITING_BYTES)

    def data_received(self, data: bytes) -> None:
        self.other.say(data)

    def say(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.other.listen(attentive=False)

    def resume_writing(self) -> None:
        self.other.listen(attentive=True)

    def listen(self, *, attentive: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if attentive:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def close(self) -> None:
        """After everything that was said."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _ClientEnd(_End):
    """The client's. When it says nothing more the server hears of that, and may still answer."""

    __slots__ = ("_left",)

    def __init__(self, left: Callable[[], None]) -> None:
        super().__init__()
        self._left = left

    def eof_received(self) -> bool:
        server = self.other.transport
        if server is None or server.is_closing():
            return False
        server.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self.other.close()
        else:
            self.other.abort()
        self._left()


class _ServerEnd(_End):
    """The HTTP server's. When it has said all, the client is closed as soon as it has heard it."""

    __slots__ = ()

    def eof_received(self) -> bool:
        self.other.close()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self.other.close()
        else:
            self.other.abort()


class Splice:
    """A client's connection that was passed on. `left`: called when it is gone."""

    __slots__ = ("_client", "_server", "_task")

    def __init__(self, transport: asyncio.Transport, left: Callable[[Splice], None]) -> None:
        self._client = _ClientEnd(lambda: left(self))
        self._server = _ServerEnd()
        self._client.other, self._server.other = self._server, self._client
        self._task: asyncio.Task[None] | None = None
        transport.pause_reading()
        transport.set_protocol(self._client)
        self._client.connection_made(transport)

    def join(self, inner: socket.socket, data: bytes) -> None:
        """Join it with a connection to the HTTP server, which hears `data` first."""
        self._task = asyncio.get_running_loop().create_task(self._join(inner, data))

    async def _join(self, inner: socket.socket, data: bytes) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: self._server, sock=inner)
        except OSError:
            inner.close()
            self.abort()
            return
        finally:
            self._task = None
        if self._client.transport is None or self._client.transport.is_closing():
            self._server.abort()
            return
        self._server.say(data)
        self._client.listen(attentive=True)

    def tick(self, _now: int) -> None:
        """The HTTP server itself parts with whoever says too little."""

    def end(self) -> None:
        """The HTTP server ends it: it knows when it has answered."""

    def abort(self) -> None:
        """Close it now."""
        self._client.abort()
        self._server.abort()
