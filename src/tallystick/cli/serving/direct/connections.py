"""A client's connection: plain requests are answered here; with the first other one it is passed on for good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from tallystick.cli.serving.direct.exchanges import Exchange, whole_answer
from tallystick.cli.serving.direct.requests import MAX_BODY_BYTES, MAX_HEAD_BYTES, RequestReading, request_reader

if TYPE_CHECKING:
    from tallystick.cli.serving.direct.server import DirectServer
    from tallystick.web.api.asgi import Application, HttpAnswer, Scope

MAX_HELD_BYTES: Final = MAX_HEAD_BYTES + MAX_BODY_BYTES
"""What is kept of what a client sends while its request has no answer yet; it is not read on beyond that."""
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
_MOST_PARTS: Final = 16
"""In so many parts a request may come to be read here: each is looked at from the beginning again."""
WHOLE_TICKS: Final = 2
"""How many ticks of the server a request may take to be whole. Then it is passed on with what there is."""
IDLE_TICKS: Final = 30
"""How long a connection may be idle: as long as with the HTTP server."""


class DirectConnection(asyncio.Protocol):
    """A connection of which every request so far was a plain one. One request is under way at a time."""

    __slots__ = (
        "_address",
        "_busy",
        "_client",
        "_exchange",
        "_held",
        "_parts",
        "_reader",
        "_server",
        "_since",
        "_transport",
        "_writable",
    )

    _transport: asyncio.Transport

    def __init__(self, server: DirectServer) -> None:
        self._server = server
        self._reader = request_reader()
        self._busy = False
        """Whether a request is under way: in the lane or, with `_exchange`, with an application."""
        self._exchange: Exchange | None = None
        self._held = b""
        """What has come and is not read yet: part of a request, or what follows the one under way."""
        self._parts = 0
        self._since = server.tick
        self._writable: asyncio.Future[None] | None = None
        """Until when nothing more is to be written: the client does not take it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who has connected. Who is gone already, or comes too late, is forgotten."""
        self._transport = cast("asyncio.Transport", transport)
        client, address = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._server.connections.add(self)
        if not client or not address or self._server.ending:
            self._transport.abort()
            return
        self._client = (client[0].partition("%")[0], str(client[1]))
        self._address = (address[0].partition("%")[0], str(address[1]))

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the application, which may wait to hear of it, and whoever waits to write."""
        self._server.left(self)
        self._held = b""
        self.resume_writing()
        if self._exchange is not None:
            self._exchange.client_is_gone()

    def data_received(self, data: bytes) -> None:
        """Read a request, or keep what has come for when the one under way is answered."""
        if not self._busy and self._writable is None:
            self._look(self._held + data if self._held else data)
            return
        self._held += data
        if len(self._held) > MAX_HELD_BYTES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Write no more: the client does not take what there is."""
        self._writable = self._server.loop.create_future()

    def resume_writing(self) -> None:
        """Go on."""
        writable, self._writable = self._writable, None
        if writable is not None:
            if not writable.done():
                writable.set_result(None)
            self._go_on()

    async def until_writable(self) -> None:
        """Wait until the client takes what was written, or is gone."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def write(self, data: bytes) -> None:
        """Send bytes; of a connection that is gone they are dropped."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def date(self) -> bytes:
        """The end of an answer's headers."""
        return self._server.dates.line

    def is_ending(self) -> bool:
        """Whether the server ends: each answer is the last of its connection."""
        return self._server.ending

    def answered(self, exchange: Exchange, *, closes: bool) -> None:
        """The answer to a request is written. `closes`: nothing may follow it."""
        if exchange is self._exchange:
            self._exchange = None
            self._end_request(closes=closes)

    def answer(self, answer: HttpAnswer, last: tuple[tuple[bytes, bytes], ...]) -> None:
        """Send the answer of the lane. `last`: headers behind its own and its length."""
        closes = self._reader.closes or self._server.ending
        data, closes = whole_answer(answer, last, self._server.dates.line, closes=closes)
        self.write(data)
        self._end_request(closes=closes)

    def failed(self) -> None:
        """Tell that the lane has no answer."""
        self._exchange = exchange = Exchange(self, b"", closes=self._reader.closes)
        exchange.end_without_answer()

    def _end_request(self, *, closes: bool) -> None:
        self._busy, self._since = False, self._server.tick
        if closes or self._server.ending:
            self._transport.close()
        elif self._held:
            self._go_on()

    def _go_on(self) -> None:
        """Read what has come meanwhile, unless the last answer is still to be taken."""
        if not self._held or self._busy or self._writable is not None or self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._look(self._held)

    def _look(self, data: bytes) -> None:
        """Begin the request that has come; keep the beginning of one; pass everything else on."""
        reading = self._reader.read(data)
        if reading is RequestReading.WHOLE:
            self._held, self._parts = b"", 0
            self._begin()
            return
        if not self._parts:
            self._since = self._server.tick
        self._parts += 1
        if reading is RequestReading.INCOMPLETE and self._parts <= _MOST_PARTS:
            self._held = data
        else:
            self._pass_on(data)

    def _begin(self) -> None:
        """Have the request answered that was read."""
        self._busy = True
        lane = self._server.lane
        if lane is None or not lane.takes(self._reader, self):
            self.ask(self._server.application)

    def ask(self, application: Application) -> None:
        """Have an application answer it."""
        reader = self._reader
        self._exchange = exchange = Exchange(self, reader.body, closes=reader.closes)
        if self._transport.is_closing():
            exchange.client_is_gone()
        exchange.task = self._server.loop.create_task(exchange.carry_out(application, self.scope()))

    def scope(self) -> Scope:
        """The request as an application gets it."""
        reader = self._reader
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "server": self._address,
            "client": self._client,
            "scheme": "http",
            "method": reader.method,
            "path": reader.path,
            "raw_path": reader.path.encode(),
            "query_string": reader.query,
            "root_path": "",
            "headers": reader.headers,
            "extensions": {},
            "state": self._server.state.copy(),
        }

    def _pass_on(self, data: bytes) -> None:
        """Have the HTTP server read what has come and all that will come. No answer is outstanding."""
        self._held = b""
        self._server.pass_on(self, self._transport, data)

    def tick(self, now: int) -> None:
        """Once a second: part with whoever says nothing, and pass on what does not become whole."""
        if self._busy or self._writable is not None or self._server.ending:
            return
        if self._transport.is_closing():  # until its client has taken the last answer
            return
        if self._held and now - self._since >= WHOLE_TICKS:
            self._pass_on(self._held)
        elif not self._held and now - self._since >= IDLE_TICKS:
            self._transport.close()

    def end(self) -> None:
        """Close it as soon as the request under way, or one of which the body is, is answered; at once without one."""
        if not self._busy and b"\r\n\r\n" not in self._held:
            self._transport.close()

    def abort(self) -> None:
        """Close it now."""
        self._transport.abort()
