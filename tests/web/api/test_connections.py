"""Connections that say too little, take too little or are too many: nobody else has to wait for them."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

import pytest

from tallystick.cli.serving.connections import (
    RESERVED_DESCRIPTORS,
    ConnectionGuard,
    ConnectionLimits,
    Traffic,
    affordable,
    raise_descriptor_limit,
    traffic_of,
)
from tallystick.cli.serving.http_server import listening, port_or_free_one
from tallystick.services.process.meter import Meter
from tallystick.web.api.asgi import CLOSE, BodyTooLargeError, Receive, Scope, Send, read_body, respond
from tallystick.web.api.calls_under_way import CallsUnderWay
from tallystick.web.api.front import Front
from tallystick.web.api.refusing import RefusalWriter

HOST = "127.0.0.1"
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "
HALF_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"
LARGE_ANSWER_BYTES = 64 << 20

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="another system does not tell of a connection's traffic"
)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads what comes, and answers: at ``/`` shortly, at ``/large`` with much, at ``/never`` not at all.

    What it waits for at ``/given-up`` is cancelled by others.
    """
    try:
        if scope["method"] == "POST":
            await read_body(scope, receive, 1_000)
    except BodyTooLargeError:
        await respond(send, 413, (CLOSE,), b"too large")
        return
    if scope["path"] == "/never":
        await asyncio.Event().wait()
    if scope["path"] == "/given-up":
        waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waited.cancel()
        await waited
    body = b"x" * LARGE_ANSWER_BYTES if scope["path"] == "/large" else b"here"
    await respond(send, 200, (), body)


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await application(scope, receive, send)


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes = WHOLE, seconds: float = 10) -> bytes:
        """Send a request; what is answered at first."""
        self.writer.write(request)
        async with asyncio.timeout(seconds):
            return await self.reader.read(1_000)

    async def is_cut(self, seconds: float = 10) -> bool:
        """Whether the connection ends, in that time."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(seconds):
                while await self.reader.read(1_000):
                    pass
                return True
        return self.reader.exception() is not None


@dataclass
class ServerProcess:
    """A server under test, and its clients, each of which is closed at the end."""

    port: int
    serving: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    async def client(self, request: bytes = b"", *, address: str = HOST, buffer_bytes: int | None = None) -> Client:
        raw = socket.socket()
        if buffer_bytes is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        raw.bind((address, 0))
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (HOST, self.port))
        client = Client(*await asyncio.open_connection(sock=raw, limit=1_000))
        self.clients.append(client)
        client.writer.write(request)
        return client

    async def many(self, request: bytes, count: int, address: str = HOST) -> list[Client]:
        return [await self.client(request, address=address) for _ in range(count)]

    async def stop(self) -> float:
        """How long it takes to stop, in seconds."""
        began = monotonic()
        self.serving.cancel()
        with suppress(asyncio.CancelledError):
            await self.serving
        return monotonic() - began


async def cut_of(clients: Sequence[Client], count: int) -> list[bool]:
    """Which of them are cut a moment after so many are; or when that takes very long."""
    until = monotonic() + 100
    while sum([await client.is_cut(0.01) for client in clients]) < count and monotonic() < until:
        pass  # each look waits for those that are open
    await asyncio.sleep(0.5)
    return [await client.is_cut(0.01) for client in clients]


def front_of(under_way: CallsUnderWay | None = None) -> Front:
    """The front with `application` behind all its addresses."""
    writer = RefusalWriter(Meter())
    return Front(
        application,
        application,
        application,
        application,
        application,
        pages,
        writer,
        under_way=under_way or CallsUnderWay(),
    )


@asynccontextmanager
async def served(
    limits: ConnectionLimits | None = None, under_way: CallsUnderWay | None = None
) -> AsyncIterator[ServerProcess]:
    port, ready = port_or_free_one(HOST, 0), asyncio.Event()
    front = front_of(under_way)

    async def serve() -> None:
        async with listening(front, HOST, port, limits=limits):
            ready.set()
            await asyncio.Event().wait()

    async with AsyncExitStack() as stack:
        serving = asyncio.create_task(serve())
        server = ServerProcess(port, serving)
        stack.push_async_callback(server.stop)
        await ready.wait()
        yield server
        for client in server.clients:
            client.writer.transport.abort()


async def test_half_sent_bodies_are_answered_and_closed() -> None:
    async with served(under_way=CallsUnderWay(body_seconds=0.5)) as server:
        slow = await server.many(HALF_BODY, 300)
        assert b"200 OK" in await (await server.client()).ask()

        for client in slow:
            answer = await client.ask(b"")
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"<Message>The body of the request did not come in time." in answer
            assert await client.is_cut()


async def test_whoever_comes_gets_in_beside_half_sent_headers() -> None:
    limits = ConnectionLimits(in_all=100)
    async with served(limits) as server:
        half = await server.many(HALF_HEADERS, 1_060)
        assert b"200 OK" in await (await server.client()).ask(seconds=100)

        assert sum(await cut_of(half, len(half) - limits.in_all)) >= len(half) - limits.in_all


async def test_an_address_has_so_many_connections_and_others_have_theirs() -> None:
    limits = ConnectionLimits(per_address=20, per_address_of_this_machine=True)
    async with served(limits) as server:
        other = await server.client(address="127.0.0.1")
        assert b"200 OK" in await other.ask()
        half = await server.many(HALF_HEADERS, 60, address="127.0.0.2")

        assert await cut_of(half, 40) == [True] * 40 + [False] * 20
        assert b"200 OK" in await other.ask()


@linux_only
async def test_the_idle_go_first_the_one_idle_for_longest_before_the_others() -> None:
    async with served(ConnectionLimits(in_all=4)) as server:
        busy = await server.client(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        idle = []
        for _ in range(3):
            idle.append(await server.client())
            assert b"200 OK" in await idle[-1].ask()
            await asyncio.sleep(0.05)
        assert b"200 OK" in await idle[0].ask()  # now the second is idle for longest
        new = await server.client()
        assert b"200 OK" in await new.ask()

        assert await cut_of((busy, *idle, new), 1) == [False, False, True, False, False]


@linux_only
async def test_whoever_does_not_take_an_answer_is_cut() -> None:
    async with served(ConnectionLimits(slow_reader_seconds=0.5)) as server:
        slow = await server.client(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", buffer_bytes=4_096)
        async with asyncio.timeout(10):
            while not slow.writer.is_closing():
                await asyncio.sleep(0.1)
                slow.writer.write(b"x")  # what is cut cannot be written to any more


@linux_only
async def test_whoever_takes_a_large_answer_at_a_moderate_rate_gets_all_of_it() -> None:
    async with served(ConnectionLimits(slow_reader_seconds=0.5)) as server:
        client, taken = await server.client(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"), 0
        async with asyncio.timeout(30):
            while taken < LARGE_ANSWER_BYTES:
                part = await client.reader.read(1 << 20)
                assert part
                taken += len(part)
                if taken < 1 << 20:
                    await asyncio.sleep(0.02)


@pytest.mark.parametrize("request_", [b"", HALF_HEADERS, HALF_BODY, b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n", WHOLE])
async def test_the_end_comes_soon_whatever_clients_do(request_: bytes) -> None:
    async with served() as server:
        await server.many(request_, 20)
        await asyncio.sleep(0.3)
        assert await server.stop() < 8


async def test_a_call_has_an_answer_in_time() -> None:
    async with served(under_way=CallsUnderWay(call_seconds=0.3)) as server:
        client = await server.client()
        answer = await client.ask(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in answer
        assert b"may have happened" in answer


async def test_a_call_whose_work_was_given_up_has_an_answer() -> None:
    async with served() as server:
        client = await server.client()
        answer = await client.ask(b"GET /given-up HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"The service lost what was to answer." in answer


async def test_what_is_too_much_is_refused_at_once() -> None:
    async with served(under_way=CallsUnderWay(call_seconds=3)) as server:
        await server.many(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n", 150)
        await asyncio.sleep(2)
        began = monotonic()
        answer = await (await server.client()).ask()
        assert monotonic() - began < 1
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in answer
        assert b"Nothing was done" in answer
        assert b"200 OK" in await (await server.client()).ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

        await asyncio.sleep(3)  # those who waited have been told
        assert b"200 OK" in await (await server.client()).ask()


async def test_whoever_sends_far_too_much_hears_of_it() -> None:
    async with served() as server:
        client, size = await server.client(), 20 << 20
        client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            client.writer.write(b"x" * (1 << 20))
            await client.writer.drain()
        assert (await client.ask(b"")).startswith(b"HTTP/1.1 413 ")
        assert await client.is_cut()


async def test_whoever_asks_first_need_not_send_what_is_too_much() -> None:
    async with served() as server:
        client, began = await server.client(), monotonic()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
        assert (await client.ask(head)).startswith(b"HTTP/1.1 413 ")
        assert monotonic() - began < 2


def test_few_descriptors_allow_few_connections() -> None:
    wanted = ConnectionLimits(in_all=4_096, per_address=7)
    assert affordable(wanted, 20_000) == wanted
    assert affordable(wanted, RESERVED_DESCRIPTORS + 1_000) == ConnectionLimits(in_all=800, per_address=7)
    assert affordable(wanted, 10).in_all == 16


def test_the_limit_of_descriptors_is_raised_once() -> None:
    assert raise_descriptor_limit() == raise_descriptor_limit() >= 256


@linux_only
def test_what_the_system_knows_of_a_connection() -> None:
    with socket.create_server((HOST, 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        ours, _ = listener.accept()
        with ours:
            assert not traffic_of(ours).answered
            client.sendall(b"question")
            ours.recv(100)
            ours.sendall(b"answer")
            client.recv(100)
            traffic = traffic_of(ours)
            assert traffic.taken_bytes >= len(b"answer")
            assert traffic.answered
            assert not traffic.owed_bytes


def test_sockets_of_others_are_left_alone() -> None:
    with socket.create_server((HOST, 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        ours, _ = listener.accept()
        with ours:
            guard = ConnectionGuard(1, ConnectionLimits(in_all=0, per_address=0, per_address_of_this_machine=True))
            guard.look(monotonic())
            assert guard.cut.total() == 0
            ours.sendall(b"still here")
            assert client.recv(100) == b"still here"


@dataclass
class KnownTraffic:
    """What the system would say of each connection, and how often it was asked."""

    says: Traffic = field(default_factory=Traffic)
    asked: int = 0

    def __call__(self, _connection: socket.socket) -> Traffic:
        self.asked += 1
        return self.says


@dataclass
class WatchedConnections:
    """A guard of `count` connections to a port of ours, at a moment that the test moves."""

    guard: ConnectionGuard
    traffic: KnownTraffic
    now: float = 1_000.0

    def looks(self, seconds: float) -> int:
        """Look four times a second for so long; how often the system was asked about connections."""
        asked = self.traffic.asked
        for _ in range(round(4 * seconds)):
            self.guard.look(self.now)
            self.now += 0.25
        return self.traffic.asked - asked


@contextmanager
def watched(count: int, limits: ConnectionLimits) -> Iterator[WatchedConnections]:
    with socket.create_server((HOST, 0)) as listener, ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(listener.getsockname()))
            stack.enter_context(listener.accept()[0])
        traffic = KnownTraffic()
        yield WatchedConnections(ConnectionGuard(listener.getsockname()[1], limits, traffic), traffic)


def test_a_connection_to_which_nothing_is_owed_is_asked_about_once_a_second() -> None:
    with watched(3, ConnectionLimits()) as connections:
        assert connections.looks(5) == 3 * 5
        assert connections.guard.open == 3


def test_one_that_owes_is_asked_about_in_each_look_and_one_that_took_something_meanwhile_stays() -> None:
    owed, taken = Traffic(owed_bytes=True), Traffic()
    with watched(1, ConnectionLimits()) as connections:
        connections.looks(1)
        connections.traffic.says = owed
        assert connections.looks(19) == 4 * 19
        connections.traffic.says = taken
        assert connections.looks(0.25) == 1
        connections.traffic.says = owed
        connections.looks(19)
        assert connections.guard.cut.total() == 0
        connections.looks(2.25)  # from the look of the second in which it began to owe
        assert connections.guard.cut == {"slow_reader": 1}


def test_where_there_are_too_many_all_are_asked_about() -> None:
    limits = ConnectionLimits(in_all=2)
    with watched(3, limits) as connections:
        assert connections.looks(0.25) == 3 + 3
        assert connections.guard.cut == {"full": 1}
    limits = ConnectionLimits(per_address=2, per_address_of_this_machine=True)
    with watched(4, limits) as connections:
        assert connections.looks(0.25) == 4 + 4
        assert connections.guard.cut == {"address": 2}


def test_an_answer_that_the_client_took_makes_a_connection_idle() -> None:
    assert Traffic(sent_ms=5, received_ms=6, owed_bytes=False, taken_bytes=300).answered
    assert not Traffic(sent_ms=7, received_ms=6, owed_bytes=False, taken_bytes=300).answered
    assert not Traffic(sent_ms=5, received_ms=6, owed_bytes=True, taken_bytes=300).answered
