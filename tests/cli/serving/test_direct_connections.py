"""Connections that are read directly: how they are accepted, passed on with the address of their client, and ended."""

from __future__ import annotations

import asyncio
import errno
import socket
import stat
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop
from tests.cli.serving.echo import HOST, PATIENCE_SECONDS, Caller, Echo
from tests.cli.serving.test_request_reader import GET, POST

from tallystick.cli.serving.direct.connections import IDLE_TICKS, WHOLE_TICKS
from tallystick.cli.serving.direct.inner import Behind, addresses_of, connect, inner_listener
from tallystick.cli.serving.direct.server import DirectServer

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Message

PAGE = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"

Runner = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Runner:
    return asyncio.run if request.param == "asyncio" else uvloop.run


class ExhaustedSocket(socket.socket):
    """A listening socket of a process that has no descriptor left, so often."""

    failures = 0
    asked = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@dataclass
class Place:
    """A server that reads directly, and the socket on which the HTTP server would listen: here the test does."""

    server: DirectServer
    listener: ExhaustedSocket
    inner: socket.socket
    directory: Path
    callers: list[Caller] = field(default_factory=list)
    passed: list[socket.socket] = field(default_factory=list)

    async def caller(self) -> Caller:
        caller = Caller(*await asyncio.open_connection(*self.listener.getsockname()))
        self.callers.append(caller)
        return caller

    async def passed_on(self) -> tuple[Caller, str]:
        """The next connection that is passed on, as the HTTP server has it, and the name that it has there."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            accepted, name = await asyncio.get_running_loop().sock_accept(self.inner)
        caller = Caller(*await asyncio.open_unix_connection(sock=accepted))
        self.callers.append(caller)
        return caller, name

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reached():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)

    def pass_ticks(self, ticks: int) -> None:
        for connection in tuple(self.server.connections):
            connection.tick(self.server.tick + ticks)


@asynccontextmanager
async def place(most: int = 100) -> AsyncIterator[Place]:
    echo = Echo()
    with inner_listener(10) as (inner, directory), ExhaustedSocket() as listener:
        listener.bind((HOST, 0))
        listener.listen(100)
        listener.setblocking(False)
        address = listener.getsockname()
        server = DirectServer(echo, Behind(echo), listener, directory, most)
        made = Place(server, listener, inner, directory)
        server.accept()
        assert made.listener.getsockname() == address
        try:
            yield made
        finally:
            echo.go_on.set()
            for caller in made.callers:
                caller.close()
            server.close()
            for caller in made.callers:
                with suppress(OSError):
                    await caller.writer.wait_closed()
            await made.until(lambda: not server.connections)


def test_what_is_passed_on_is_passed_on_whole_with_the_address_of_its_client(run: Runner) -> None:
    async def ask() -> None:
        async with place() as made:
            caller = await made.caller()
            assert (await caller.ask(GET)).startswith(b"HTTP/1.1 200 OK\r\n")
            await caller.say(PAGE + GET)
            inner, name = await made.passed_on()
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await inner.reader.readexactly(len(PAGE + GET)) == PAGE + GET
            addresses = addresses_of(name)
            assert addresses is not None
            assert list(addresses[0]) == caller.address()
            assert addresses[1] == (HOST, str(made.listener.getsockname()[1]))

            await inner.say(b"an answer")
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await caller.reader.readexactly(9) == b"an answer"
            assert [path.name for path in made.directory.iterdir()] == ["http"]

    run(ask())


def test_what_does_not_become_whole_is_passed_on_as_far_as_it_came(run: Runner) -> None:
    async def ask() -> None:
        async with place() as made:
            caller = await made.caller()
            await caller.say(POST[:-5])
            await made.until(lambda: bool(made.server.connections))
            passed = asyncio.create_task(made.passed_on())
            while not passed.done():
                made.pass_ticks(WHOLE_TICKS)
                await asyncio.sleep(0.01)
            inner, _ = await passed
            await caller.say(POST[-5:])
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await inner.reader.readexactly(len(POST)) == POST

    run(ask())


def test_whoever_says_nothing_for_long_is_parted_with_and_whoever_waits_for_an_answer_is_not(run: Runner) -> None:
    async def ask() -> None:
        async with place() as made:
            silent, idle, waiting = [await made.caller() for _ in range(3)]
            await idle.ask(GET)
            await waiting.say(b"GET /v1/wait HTTP/1.1\r\nHost: x\r\n\r\n")
            echo = made.server.application
            assert isinstance(echo, Echo)
            await echo.waiting.wait()
            made.pass_ticks(IDLE_TICKS)
            assert await silent.is_over()
            assert await idle.is_over()
            echo.go_on.set()
            assert (await waiting.hear()).endswith(b"at last")

    run(ask())


def test_when_either_side_is_gone_so_is_the_other(run: Runner) -> None:
    async def ask() -> None:
        async with place() as made:
            for gone in ("server", "client"):
                caller = await made.caller()
                await caller.say(PAGE)
                inner, _ = await made.passed_on()
                (inner if gone == "server" else caller).close()
                other = caller if gone == "server" else inner
                with suppress(ConnectionError):
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        assert await other.reader.read() in {b"", PAGE}
                other.close()
                await made.until(lambda: not made.server.connections)

    run(ask())


def test_what_either_side_has_said_before_its_end_arrives(run: Runner) -> None:
    async def ask() -> None:
        async with place() as made, asyncio.timeout(PATIENCE_SECONDS):
            caller = await made.caller()
            await caller.say(PAGE)
            inner, _ = await made.passed_on()
            caller.writer.write_eof()
            assert await inner.reader.read() == PAGE
            inner.writer.write(b"goodbye" * 100_000)
            inner.writer.write_eof()
            assert await caller.reader.read() == b"goodbye" * 100_000
            inner.close()
            await made.until(lambda: not made.server.connections)

    run(ask())


def test_whoever_is_too_much_waits_until_somebody_goes(run: Runner) -> None:
    async def ask() -> None:
        async with place(most=2) as made:
            first, second, third = [await made.caller() for _ in range(3)]
            assert (await first.ask(GET)).startswith(b"HTTP/1.1 200")
            assert (await second.ask(GET)).startswith(b"HTTP/1.1 200")
            await third.say(GET)
            assert len(made.server.connections) == 2
            first.close()
            assert (await third.hear()).startswith(b"HTTP/1.1 200")

    run(ask())


def test_where_no_descriptor_is_left_nobody_is_lost_and_nothing_spins(run: Runner) -> None:
    async def ask() -> None:
        async with place() as made:
            made.listener.failures = 1
            caller = await made.caller()
            assert (await caller.ask(GET)).startswith(b"HTTP/1.1 200")
            assert made.listener.asked <= 4, "once in vain, once for the caller, and once more each to see that all are"

    run(ask())


def test_nobody_else_can_reach_the_inner_socket_and_it_leaves_nothing_behind() -> None:
    with inner_listener(1) as (listener, directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        with connect(directory, ("2001:db8::1", 65_535), ("::", 1)) as ours:
            accepted, name = listener.accept()
            accepted.close()
            assert addresses_of(name) == (("2001:db8::1", "65535"), ("::", "1"))
            assert ours.getpeername() == str(directory / "http")
    assert not directory.exists()


@pytest.mark.parametrize("client", [("", "0"), ("/a/http", "0"), ("127.0.0.1", "1"), ("/a/fwAAAQAB", "0"), None])
async def test_whoever_has_no_name_of_ours_is_refused(client: tuple[str, str] | None) -> None:
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    async def receive() -> Message:
        raise AssertionError("the application was asked")

    behind = Behind(Echo())
    await behind({"type": "http", "path": "/v1/x", "method": "GET", "client": client, "headers": []}, receive, send)
    assert said[0]["status"] == 403
