"""However connections end, also with their process, none stays counted, and the limits hold for whoever comes next."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from tests.stories.conftest import free_port
from tests.support.paths import ROOT
from tests.web.api.test_connections import HALF_BODY, HALF_HEADERS, HOST, WHOLE, Client, ServerProcess, served

from tallystick.cli.serving.connections import ConnectionGuard, ConnectionLimits
from tallystick.web.api.calls_under_way import CallsUnderWay

pytestmark = pytest.mark.timeout(600)

PATIENCE_SECONDS = 240
FEW = 30
IN_ALL = 40

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes do not share a port in this way")


async def until(reached: Callable[[], bool], what: Callable[[], str]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(what()) from None


async def closed(client: Client) -> None:
    client.writer.close()


async def aborted(client: Client) -> None:
    """As by a client that died: the other side hears of it by a reset."""
    raw = client.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()


async def said_no_more(client: Client) -> None:
    client.writer.write_eof()


async def left_open(_client: Client) -> None:
    """The server has to see to it."""


Way = tuple[str, bytes, Callable[[Client], Awaitable[None]]]

ENDS: list[Way] = [
    ("idle, closed", WHOLE, closed),
    ("idle, aborted", WHOLE, aborted),
    ("idle, said no more", WHOLE, said_no_more),
    ("nothing said, closed", b"", closed),
    ("nothing said, aborted", b"", aborted),
    ("half headers, closed", HALF_HEADERS, closed),
    ("half headers, aborted", HALF_HEADERS, aborted),
    ("half a body, closed", HALF_BODY, closed),
    ("half a body, aborted", HALF_BODY, aborted),
    ("half a body, timed out", HALF_BODY, left_open),
    ("under way, aborted", b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n", aborted),
    ("under way, timed out", b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n", left_open),
    ("answered and closed", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", left_open),
    ("not HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", left_open),
]


def counted(guard: ConnectionGuard) -> int:
    guard.look(monotonic())
    return guard.open


def descriptors() -> int:
    """Of this process, for TCP. No others: pools that tests share open connections to the database at any moment, over
    its Unix socket, and keep them for minutes.
    """
    return sum(is_tcp(int(each.name)) for each in Path("/dev/fd").iterdir())


def is_tcp(descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            return copy.family == socket.AF_INET and copy.type == socket.SOCK_STREAM
    except OSError:  # it is gone, as the one by which we look
        return False


async def test_none_stays_counted_however_it_ends() -> None:
    async with served(under_way=CallsUnderWay(body_seconds=0.3, call_seconds=0.3)) as server:
        guard = ConnectionGuard(server.port, ConnectionLimits())

        await until(lambda: counted(guard) == 0, lambda: f"{guard.open} at the beginning")
        before = descriptors()
        for end in ENDS:
            await one_way(server, guard, end, before)


async def one_way(server: ServerProcess, guard: ConnectionGuard, way: Way, before: int) -> None:
    """Some connections, and their end. `before`: how many descriptors there were without them."""
    name, request, end = way
    clients = await server.many(request, FEW)
    if end is not left_open:
        await until(lambda: counted(guard) == FEW, lambda: f"{name}: {guard.open} of {FEW} are counted")
    for client in clients:
        await end(client)
    await until(lambda: counted(guard) == 0, lambda: f"{name}: {guard.open} stay counted")
    await let_go(server)
    await until(lambda: descriptors() <= before, lambda: f"{name}: {descriptors()} descriptors, {before} before")
    assert guard.cut.total() == 0, name


async def let_go(server: ServerProcess) -> None:
    for client in server.clients:
        client.writer.transport.abort()
        with suppress(OSError):
            await client.writer.wait_closed()
    server.clients.clear()


async def test_what_the_guard_cuts_is_counted_once_and_no_more() -> None:
    limits = ConnectionLimits(in_all=10)
    async with served(limits) as server:
        guard = ConnectionGuard(server.port, ConnectionLimits())
        for _ in range(3):
            await server.many(HALF_HEADERS, 50)
            assert b"200 OK" in await (await server.client()).ask()

            await until(lambda: counted(guard) <= limits.in_all, lambda: f"{guard.open} are open")
            await let_go(server)
            await until(lambda: counted(guard) == 0, lambda: f"{guard.open} stay counted")


@dataclass
class Sibling:
    """One of several processes on a port."""

    port: int
    process: Process

    async def open(self) -> int:
        """How many connections it has."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            return int(await self.process.stdout.readline())

    async def until_within(self, most: int) -> None:
        """Wait until it has so many or fewer; those of clients that say too little also end by themselves."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.open() > most:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        self.process.kill()
        assert await self.process.wait() == -signal.SIGKILL


@dataclass
class Siblings:
    """Processes that share a port, and their clients."""

    port: int
    processes: list[Sibling] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    async def start(self) -> Sibling:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.web.api.guarded_server", str(self.port), str(IN_ALL),
            stdin=PIPE, stdout=PIPE, cwd=ROOT,
        )  # fmt: skip
        sibling = Sibling(self.port, process)
        self.processes.append(sibling)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.stdout.readline() == b"ready\n"
        return sibling

    async def many(self, request: bytes, count: int) -> Sequence[Client]:
        opened = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection(HOST, self.port)
            writer.write(request)
            opened.append(Client(reader, writer))
        self.clients += opened
        return opened

    async def is_answered(self) -> bool:
        """Whether whoever comes now is answered; one that was in a dying process's queue comes once more."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with suppress(OSError):
                    (client,) = await self.many(b"", 1)
                    if heard := await client.ask(seconds=PATIENCE_SECONDS):
                        return b"200 OK" in heard

    def let_go(self) -> None:
        for client in self.clients:
            client.writer.transport.abort()
        self.clients.clear()

    async def end(self) -> None:
        self.let_go()
        for sibling in self.processes:
            if sibling.process.returncode is None:
                assert sibling.process.stdin is not None
                sibling.process.send_signal(signal.SIGCONT)
                sibling.process.stdin.close()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    assert await sibling.process.wait() == 0


@pytest.fixture
async def siblings() -> AsyncIterator[Siblings]:
    opened = Siblings(free_port())
    try:
        yield opened
    finally:
        await opened.end()


@linux_only
async def test_the_limits_hold_when_a_sibling_dies_and_when_it_is_back(siblings: Siblings) -> None:
    """What it was to take goes to the other one, which has the same limits as before."""
    first, second = await asyncio.gather(siblings.start(), siblings.start())
    await siblings.many(HALF_HEADERS, 4 * IN_ALL)
    await first.until_within(IN_ALL)
    await second.until_within(IN_ALL)
    await first.kill()
    await siblings.many(HALF_HEADERS, 4 * IN_ALL)
    assert await siblings.is_answered()
    await second.until_within(IN_ALL)

    third = await siblings.start()
    await siblings.many(HALF_BODY, 4 * IN_ALL)
    assert await siblings.is_answered()
    await second.until_within(IN_ALL)
    await third.until_within(IN_ALL)
    siblings.let_go()
    await second.until_within(0)
    await third.until_within(0)


@linux_only
async def test_a_process_is_frozen_and_killed_under_half_open_connections_and_begins_anew(siblings: Siblings) -> None:
    """While it is frozen the system takes connections for it; those of clients that gave up are gone at once."""
    first = await siblings.start()
    await siblings.many(HALF_HEADERS, IN_ALL)
    await first.until_within(IN_ALL)
    first.process.send_signal(signal.SIGSTOP)
    for client in await siblings.many(WHOLE, IN_ALL):
        await aborted(client)
    half = await siblings.many(HALF_HEADERS, 4 * IN_ALL)
    first.process.send_signal(signal.SIGCONT)
    assert await siblings.is_answered()
    await first.until_within(IN_ALL)

    await first.kill()
    for client in half:
        assert await client.is_cut(PATIENCE_SECONDS)
    second = await siblings.start()  # on the same port, beside what is left of the old connections
    await second.until_within(0)
    await siblings.many(HALF_HEADERS, 4 * IN_ALL)
    assert await siblings.is_answered()
    await second.until_within(IN_ALL)
    siblings.let_go()
    await second.until_within(0)
