"""Interfaces behind connections that are read directly, without a socket, with the lane for plain calls or without."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
from tests.support.api_without_books import Api, without_ids

from tallystick.cli.serving.direct.connections import DirectConnection
from tallystick.cli.serving.direct.inner import Behind
from tallystick.cli.serving.direct.requests import RequestReading, request_reader
from tallystick.cli.serving.direct.server import DirectServer
from tallystick.services.process.request_log import RequestLine
from tallystick.web.api.front import Front
from tallystick.web.api.plain.lane import Lane, LaneClient, WholeRequest
from tallystick.web.api.plain.query_lane import QueryTaker
from tallystick.web.api.refusing import RefusalWriter
from tallystick.web.api.strict_answers import StrictAnswers

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Application, Receive, Scope, Send
    from tallystick.web.api.plain.lane import Taker

PATIENCE_SECONDS: Final = 60
ADDRESS: Final = "192.0.2.7"
_DATE: Final = re.compile(rb"\r\ndate: [^\r]*")


async def no_pages(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("nobody asks for pages here")


@dataclass(slots=True, repr=False)
class WatchedLane(Lane):
    """Tells which calls it has taken."""

    taken: list[bool] = field(default_factory=list)

    def takes(self, request: WholeRequest, client: LaneClient) -> bool:
        self.taken.append(Lane.takes(self, request, client))
        return self.taken[-1]


@dataclass
class Wire(asyncio.Transport):
    """What a client and its connection say to each other, without a socket."""

    written: bytes = b""
    closed: bool = False
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": (ADDRESS, 1234), "sockname": ("192.0.2.1", 80)}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written += bytes(data)
        self.heard.set()

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True
        self.heard.set()

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        raise AssertionError("nobody says so much here")

    def resume_reading(self) -> None:
        pass


@dataclass
class Caller:
    """A client that is connected."""

    connection: DirectConnection
    wire: Wire

    def say(self, data: bytes) -> None:
        self.connection.data_received(data)

    async def hear(self) -> bytes:
        """What is said next, but for its date and the ids in it; nothing when the connection ends before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.wire.heard.wait()
        written, self.wire.written = self.wire.written, b""
        if not self.wire.closed:
            self.wire.heard.clear()
        return without_ids(_DATE.sub(b"", written))

    async def hear_all(self) -> bytes:
        """The same as it is."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.wire.heard.wait()
        return self.wire.written

    async def ask(self, data: bytes) -> bytes:
        self.say(data)
        return await self.hear()

    def hang_up(self) -> None:
        self.wire.close()
        self.connection.connection_lost(None)


@contextmanager
def direct_server(
    service: Service, front: Front, takers: Mapping[str, Taker], *, lane: bool
) -> Iterator[tuple[DirectServer, WatchedLane | None]]:
    """A server that nobody can connect to but by `caller_of`."""
    answers = StrictAnswers(front, service.settings, service.ending)
    short = WatchedLane(service, front, answers, takers) if lane else None
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = DirectServer(answers, Behind(answers), listener, Path(), 10, short)
        try:
            yield server, short
        finally:
            server.close()


def caller_of(server: DirectServer) -> Caller:
    """Somebody who has connected."""
    made = Caller(DirectConnection(server), Wire())
    made.connection.connection_made(made.wire)
    return made


class LaneTransport(httpx.AsyncBaseTransport):
    """Has requests answered by such a server; what it leaves to the HTTP server goes to `application` by itself."""

    def __init__(self, server: DirectServer, application: Application) -> None:
        self._server = server
        self._other = httpx.ASGITransport(cast("Any", application))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Each by a connection of its own."""
        content = await request.aread()
        lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        lines += [b"%s: %s" % one for one in request.headers.raw]
        data = b"\r\n".join((*lines, b"", content))
        if request_reader().read(data) is not RequestReading.WHOLE:
            return await self._other.handle_async_request(request)
        caller = caller_of(self._server)
        caller.say(data)
        head, _, body = (await caller.hear_all()).partition(b"\r\n\r\n")
        first, *headers = head.split(b"\r\n")
        told = [tuple(one.split(b": ", 1)) for one in headers if not one.startswith(b"date: ")]
        return httpx.Response(int(first[9:12]), headers=cast("Any", told), content=body)


@dataclass
class DirectApi:
    """The query API, and the server of its connections. `lane` None: an application has all requests."""

    api: Api
    front: Front
    server: DirectServer
    lane: WatchedLane | None
    lines: list[tuple[str | None, str, str]] = field(default_factory=list)
    """The log of requests: key, action, outcome."""

    def caller(self) -> Caller:
        return caller_of(self.server)

    def taken(self) -> list[bool]:
        assert self.lane is not None
        return self.lane.taken

    def note(self, line: RequestLine) -> str:
        """Of the log: without what is different each time."""
        self.lines.append((line.key_id, line.action, line.outcome))
        return ""

    def counted(self) -> list[object]:
        """All that was counted and noted beside the answers."""
        self.api.service.request_log.flush()
        return [*self.api.counted(), self.lines, self.api.committer.taken]


@asynccontextmanager
async def direct_api(
    api: Api, *, lane: bool = True, others: Mapping[str, Any] | None = None
) -> AsyncIterator[DirectApi]:
    """`others`: of its front."""
    nothing: Any = no_pages
    writer = RefusalWriter(api.service.meter, api.service.request_log)
    front = Front(api.api, nothing, nothing, nothing, nothing, nothing, writer, **cast("Any", others or {}))
    with direct_server(api.service, front, {"/": QueryTaker(api.api)}, lane=lane) as (server, short):
        made = DirectApi(api, front, server, short)
        log = api.service.request_log
        log.clock, log.form, log.write = api.clock, made.note, lambda _: None
        yield made
        log.flush()
