"""Real HTTP receivers on 127.0.0.1 with prescribed answers, which record what they received."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from urllib.parse import parse_qsl

NEVER = "never"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} So", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def until(condition: Callable[[], bool]) -> None:
    """Wait, for 20 seconds at most, until something is so."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


@dataclass(frozen=True)
class Received:
    """One request, as it came over the wire."""

    target: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True, strict_parsing=True))

    @property
    def what(self) -> tuple[str, str]:
        """Which transaction came to which status."""
        return self.form["transactionId"], self.form["transactionStatus"]


@dataclass
class Receiver:
    """`answers` come first, one for each request, then `usual`; None: no answer at all, empty: connection closed."""

    port: int
    scheme: str = "http"
    usual: bytes | None = OK
    answers: list[bytes | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    busy: int = 0
    most_busy: int = 0
    seconds: float = 0.0
    """How long each answer takes."""
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to end the connections that get no answer."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/ipn"

    @property
    def statuses(self) -> list[str]:
        return [received.form["transactionStatus"] for received in self.received]

    def times(self) -> Counter[tuple[str, str]]:
        return Counter(received.what for received in self.received)

    async def until(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        await until(lambda: len(self.received) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            self.received.append(await _read(reader))
            reply = self.answers.pop(0) if self.answers else self.usual
            if reply is None:
                waits = [asyncio.create_task(reader.read()), asyncio.create_task(self.hung_up.wait())]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)  # sender or test disconnected
                for wait in waits:
                    wait.cancel()
                return
            await asyncio.sleep(self.seconds)
            writer.write(reply)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.busy -= 1
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    verb, target, _ = first.split(" ")
    assert verb == "POST"
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(target, headers, body.decode("ascii"))


@asynccontextmanager
async def receiver(tls: SSLContext | None = None, **behaviour: object) -> AsyncIterator[Receiver]:
    opened = Receiver(port=0, scheme="https" if tls else "http", **behaviour)  # type: ignore[arg-type]
    server = await asyncio.start_server(opened.serve, "127.0.0.1", 0, ssl=tls)
    opened.port = server.sockets[0].getsockname()[1]
    try:
        yield opened
    finally:
        server.close()
