"""Requests that are read directly are answered as by the HTTP server; all others are, by the HTTP server itself."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from tests.cli.serving.echo import PART, PATIENCE_SECONDS, Caller, EchoServer, echoing
from tests.cli.serving.test_request_reader import GET, HEAD, NOT_PLAIN, POST, get, post

from tallystick.cli.serving.direct.requests import RequestReading, request_reader

MUTATIONS = 3_000
MARKER = b"GET /v1/marker HTTP/1.1\r\nHost: x\r\n\r\n"
PAGE = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
"""Not plain: pages are for the HTTP server."""

Runner = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Runner:
    """Runs a test in a loop of either kind: `serve` has the second one, tests and programs in Python the first."""
    return asyncio.run if request.param == "asyncio" else uvloop.run


def told(answer: bytes, caller: Caller, *, direct: bool = True) -> dict[str, Any]:
    """What the application has seen. That it knows its client, and who has read the request, is made sure of."""
    said: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert said.pop("client") == caller.address()
    said.pop("server")
    assert said.pop("direct") is direct
    return said


SEEDS = (
    GET,
    POST,
    get(b"Host: x\r\nConnection: close\r\n"),
    get(b"Host:x\r\nEmpty:\r\nA_b-9: ~!\"#$%&'()*+,-./:;<=>?@[]^`{|}\r\n", b"GET /v1/charges/a~b_c.d-9 HTTP/1.1"),
    get(b"A: 1\r\nHost: x:80\r\n", b"GET /v1?a=/?:@!$&'()*+,;=%zz HTTP/1.1"),
    post(b"Content-Length: 3\r\nhost: x\r\nCONNECTION: Keep-Alive\r\n", b"a\0\xff"),
    post(b"Host: x\r\nContent-Length: 0\r\n", line=b"POST /? HTTP/1.1"),
    get(b"Host: x\r\nLong: " + b"l" * 10_000 + b"\r\n"),
)


def mutation(chance: random.Random) -> bytes:
    """A request, often with something put in, taken out, changed or from another one."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        at = chance.randrange(min(len(data), 300) + 1)
        match chance.randrange(5):
            case 0:
                data[at:at] = bytes([chance.choice(b"\r\n\t :;,/?%#&=\0azAZ09-._~\x7f\x80\xff")])
            case 1:
                del data[at : at + chance.choice((1, 1, 1, 2, 9))]
            case 2:
                data[at : at + 1] = bytes([chance.randrange(32, 127)])
            case 3:
                data[at:at] = chance.choice(SEEDS)[: chance.randrange(40)]
            case _:
                data[at : at + 1] = data[at : at + 1].swapcase()
    return bytes(data)


async def asked_both(data: bytes, callers: list[Caller], servers: tuple[EchoServer, EchoServer]) -> list[Any]:
    """What both servers answer to a request, and to another one behind it: how much of the first they have taken."""
    answers = []
    for place, server in enumerate(servers):
        caller = callers[place]
        answer = await caller.ask(data)
        head = answer.partition(b"\r\n\r\n")[0]
        answers.append((head, told(answer, caller, direct=server is servers[0])))
        if b"connection: close" in head:
            assert await caller.is_over()
            callers[place] = await server.caller()
        else:
            marked = told(await caller.ask(MARKER), caller, direct=server is servers[0])
            assert marked["path"] == "/v1/marker"
    return answers


def without_length(head: bytes) -> list[bytes]:
    """The length tells of the client's port, whose digits may be fewer."""
    return [line for line in head.split(b"\r\n") if not line.startswith(b"content-length: ")]


def test_what_is_plain_is_read_as_by_the_http_server_and_answered_with_the_same_bytes() -> None:
    async def compare() -> None:
        chance, reader, plain = random.Random(207), request_reader(), 0  # noqa: S311 - the same ones each time
        async with echoing() as direct, echoing(direct=False) as other:
            servers = (direct, other)
            callers = [await direct.caller(), await other.caller()]
            for _ in range(MUTATIONS):
                data = mutation(chance)
                if reader.read(data) is RequestReading.WHOLE:
                    plain += 1
                    ours, theirs = await asked_both(data, callers, servers)
                    assert ours[1] == theirs[1], data
                    assert without_length(ours[0]) == without_length(theirs[0]), data
        assert MUTATIONS * 0.2 < plain < MUTATIONS * 0.8

    uvloop.run(compare())


ANSWERS = ("fails", "says-nothing", "breaks-off", "two-lines", "parts", "parts-of-known-length", "nothing-at-all",
           "as-it-was", "close", "large")  # fmt: skip


async def everything(caller: Caller) -> bytes:
    """All that is said until the connection ends, as after the answer to a client that closes."""
    heard = b""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while part := await caller.reader.read(1 << 20):
            heard += part
    return heard


def without_date(heard: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = heard.partition(b"\r\n\r\n")
    return sorted(line.lower() for line in head.split(b"\r\n") if not line.startswith(b"date: ")), body


def test_whatever_an_application_does_is_answered_in_the_same_way() -> None:
    async def compare() -> None:
        async with echoing() as direct, echoing(direct=False) as other:
            for name in ANSWERS:
                heard = []
                for server in (direct, other):
                    caller = await server.caller()
                    await caller.say(b"GET /v1/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % name.encode())
                    heard.append(without_date(await everything(caller)))
                assert heard[0] == heard[1], name

    uvloop.run(compare())


ANSWERED = ("chunks", "length and chunks", "two hosts", "a folded header", "a bare LF in the headers", "a NUL",
            "a space before the colon", "two lengths", "bare LFs only", "another method", "HTTP/1.0", "a page",
            "a whole address", "the same length twice", "a length with a zero before it")  # fmt: skip


def test_what_is_not_plain_is_answered_by_the_http_server() -> None:
    """To the bytes, of what it has an answer to at once."""

    async def compare() -> None:
        async with echoing() as direct, echoing(direct=False) as other:
            for why in ANSWERED:
                heads = []
                for server in (direct, other):
                    caller = await server.caller()
                    answer = await caller.ask(NOT_PLAIN[why])
                    heads.append(without_length(answer.partition(b"\r\n\r\n")[0]))
                    if heads[-1][0] == b"HTTP/1.1 200 OK":
                        told(answer, caller, direct=False)
                assert heads[0] == heads[1], why
                assert heads[0][0].startswith(b"HTTP/1."), why

    uvloop.run(compare())


def test_a_connection_may_change_to_what_is_not_plain_and_go_on(run: Runner) -> None:
    async def ask() -> None:
        async with echoing() as server:
            caller = await server.caller()
            for request, path in ((GET, "/"), (POST, "/v1/charges"), (GET, "/")):
                assert told(await caller.ask(request), caller)["path"] == path
            for request, path in ((PAGE, "/page"), (GET, "/"), (PAGE, "/page")):
                assert told(await caller.ask(request), caller, direct=False)["path"] == path

    run(ask())


async def path_of(caller: Caller) -> str:
    return str(told(await caller.hear(), caller, direct=False)["path"])


def test_requests_behind_one_another_are_answered_in_their_order(run: Runner) -> None:
    async def ask() -> None:
        async with echoing() as server:
            caller = await server.caller()
            await caller.say(GET + POST + PAGE)
            assert [await path_of(caller) for _ in range(3)] == ["/", "/v1/charges", "/page"]

            other = await server.caller()
            await other.say(b"GET /v1/wait HTTP/1.1\r\nHost: x\r\n\r\n")
            await server.echo.waiting.wait()
            await other.say(POST)
            await other.say(PAGE + GET)
            server.echo.go_on.set()
            assert (await other.hear()).endswith(b"at last")
            assert [await path_of(other) for _ in range(3)] == ["/v1/charges", "/page", "/"]

    run(ask())


def test_a_request_may_come_in_parts(run: Runner) -> None:
    async def ask() -> None:
        async with echoing() as server:
            for size in (1, 7, len(POST) - len(b"1"), POST.index(b"\r\n\r\n") + 4):
                caller = await server.caller()
                for begin in range(0, len(POST), size):
                    await caller.say(POST[begin : begin + size])
                    await asyncio.sleep(0)
                assert json.loads((await caller.hear()).partition(b"\r\n\r\n")[2])["body"] == '{"amount": "1.00"}'

    run(ask())


@pytest.mark.parametrize("way", ["aborts", "says no more"])
@pytest.mark.parametrize("path", [b"/v1/until-gone", b"/until-gone"])
def test_whoever_is_gone_is_told_to_the_application_which_goes_on(run: Runner, path: bytes, way: str) -> None:
    async def ask() -> None:
        async with echoing() as server:
            caller = await server.caller()
            await caller.say(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            await server.echo.waiting.wait()
            if way == "aborts":
                caller.close()
            else:
                caller.writer.write_eof()
                assert await caller.is_over()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await server.echo.gone.wait()
            caller = await server.caller()
            assert told(await caller.ask(GET), caller)["path"] == "/"

    run(ask())


@pytest.mark.parametrize("path", [b"/v1/endless", b"/endless"])
def test_no_more_is_made_of_an_answer_than_its_client_takes(run: Runner, path: bytes) -> None:
    async def ask() -> None:
        async with echoing() as server:
            caller = await server.caller()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await caller.say(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            before, quiet = -1, 0
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.echo.parts or quiet < 10:  # it goes on until nothing more fits
                    quiet = quiet + 1 if server.echo.parts == before else 0
                    before = server.echo.parts
                    await asyncio.sleep(0.02)
            assert server.echo.parts < 48, f"so many times {len(PART)} bytes wait for a client that reads none"

    run(ask())


def test_a_large_answer_arrives_whole_and_what_was_asked_behind_it_too(run: Runner) -> None:
    async def ask() -> None:
        async with echoing() as server:
            caller = await server.caller()
            await caller.say(b"GET /v1/large HTTP/1.1\r\nHost: x\r\n\r\n" + PAGE)
            assert len(await caller.hear()) > 8 * len(PART)
            assert await path_of(caller) == "/page"
            await caller.say(b"GET /v1/large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert len(await caller.hear()) > 8 * len(PART)

    run(ask())


def test_an_answer_that_closes_is_the_last(run: Runner) -> None:
    async def ask() -> None:
        async with echoing() as server:
            for request in (b"GET /v1/close HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n"):
                caller = await server.caller()
                assert (await caller.ask(request)).endswith(b"the last")
                assert await caller.is_over()

    run(ask())


def test_long_headers_are_read_by_either() -> None:
    async def ask() -> None:
        async with echoing() as server:
            for size in (10_000, 16_000, 17_000, 100_000):
                caller = await server.caller()
                answer = await caller.ask(get(HEAD + b"Long: " + b"l" * size + b"\r\n"))
                assert len(told(answer, caller, direct=size <= 16_000)["headers"][-1][1]) == size

    uvloop.run(ask())
