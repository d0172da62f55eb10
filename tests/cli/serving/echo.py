"""An application that says what it has seen of a request, and a server of it that reads directly or does not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tallystick.cli.serving.http_server import listening, port_or_free_one
from tallystick.web.api.asgi import CLOSE, ClientGoneError, read_body, respond

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Receive, Scope, Send

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60
_DATE = re.compile(rb"\r\ndate: [^\r]*")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")
PART = b"x" * (1 << 20)


@dataclass
class Echo:
    """The application. What it did is remembered: `parts` it sent of an endless answer, `gone` clients it heard of."""

    parts: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            body = await read_body(scope, receive, 1 << 20)
        except ClientGoneError:
            return
        name = scope["path"].rpartition("/")[2].replace("-", "_")
        answer = getattr(self, f"_{name}", None)
        if answer is not None:
            await answer(receive, send)
        else:
            await respond(send, 200, ((b"content-type", b"application/json"),), json.dumps(seen(scope, body)).encode())

    async def _close(self, _receive: Receive, send: Send) -> None:
        await respond(send, 200, (CLOSE,), b"the last")

    async def _until_gone(self, receive: Receive, send: Send) -> None:
        self.waiting.set()
        assert await receive() == {"type": "http.disconnect"}
        self.gone.set()
        await respond(send, 200, (), b"nevertheless")

    async def _wait(self, _receive: Receive, send: Send) -> None:
        self.waiting.set()
        await self.go_on.wait()
        await respond(send, 200, (), b"at last")

    async def _fails(self, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("as it was told to")

    async def _says_nothing(self, _receive: Receive, _send: Send) -> None:
        pass

    async def _breaks_off(self, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        raise RuntimeError("as it was told to")

    async def _two_lines(self, _receive: Receive, send: Send) -> None:
        await respond(send, 200, ((b"x", b"1\r\ny: 2"),), b"split")

    async def _parts(self, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Part", b"1"), (b"y", b"2")]})
        for part in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"three"})

    async def _parts_of_known_length(self, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    async def _nothing_at_all(self, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def _as_it_was(self, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"1"')]})
        await send({"type": "http.response.body", "body": b""})

    async def _endless(self, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.gone.is_set():
            await send({"type": "http.response.body", "body": PART, "more_body": True})
            self.parts += 1

    async def _large(self, _receive: Receive, send: Send) -> None:
        await respond(send, 200, (), PART * 8)


def seen(scope: Scope, body: bytes) -> dict[str, Any]:
    """All that an application may look at. The HTTP server offers extensions, by which the two are told apart."""
    known = {name: value for name, value in scope.items() if name not in {"extensions", "headers", "server", "client"}}
    return {
        **{name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in known.items()},
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "client": list(scope["client"]),
        "server": list(scope["server"]),
        "direct": not scope["extensions"],
        "body": body.decode("latin-1"),
    }


@dataclass
class Caller:
    """A connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """One answer with a length, but for its date, or less when the connection ends before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await self.reader.readexactly(int(length[1]) if length else 0)
            except asyncio.IncompleteReadError as error:
                return error.partial
            except ConnectionError:
                return b""
        return _DATE.sub(b"", head) + body

    async def ask(self, data: bytes) -> bytes:
        await self.say(data)
        return await self.hear()

    async def is_over(self) -> bool:
        """Whether nothing more is said; it waits for the end."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                return not await self.reader.read(1)
        return True

    def address(self) -> list[str]:
        host, port = self.writer.get_extra_info("sockname")
        return [host, str(port)]

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass
class EchoServer:
    """A server with the application, and its callers."""

    port: int
    echo: Echo
    callers: list[Caller] = field(default_factory=list)

    async def caller(self) -> Caller:
        caller = Caller(*await asyncio.open_connection(HOST, self.port))
        self.callers.append(caller)
        return caller


@asynccontextmanager
async def echoing(*, direct: bool = True) -> AsyncIterator[EchoServer]:
    port, echo = port_or_free_one(HOST, 0), Echo()
    async with listening(echo, HOST, port, direct=direct, stop_seconds=0.2):
        server = EchoServer(port, echo)
        try:
            yield server
        finally:
            echo.gone.set()
            echo.go_on.set()
            for caller in server.callers:
                caller.close()
            for caller in server.callers:
                with suppress(OSError):
                    await caller.writer.wait_closed()
