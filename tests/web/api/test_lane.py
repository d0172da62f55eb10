"""Plain calls in the lane are answered as by the application, byte for byte, and meet all the guards of its way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import LONG_TESTS
from tests.support.api_without_books import HOST, Api, Rows
from tests.support.clock import START
from tests.support.lane import ADDRESS, PATIENCE_SECONDS, Caller, DirectApi, direct_api
from tests.support.plain_calls import BALANCE, KEY, SECRET, pay, query, rows
from tests.support.signed_requests import SignedRequests

from tallystick.cli.serving.direct.requests import RequestReader, RequestReading, request_reader
from tallystick.db.clock_watch import WrongClockError
from tallystick.domain.speedups import plain_requests
from tallystick.services.api.fair_shares import CallRates, FairShares
from tallystick.web.api.asgi import header

pytestmark = pytest.mark.skipif(plain_requests is None, reason="nothing was compiled: plain calls have no short way")


def got(params: dict[str, str], more: bytes = b"") -> bytes:
    return b"GET /?%s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (query(params), HOST.encode(), more)


def posted(params: dict[str, str], more: bytes = b"Content-Type: application/x-www-form-urlencoded\r\n") -> bytes:
    body = query(params, verb="POST")
    head = b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n" % (HOST.encode(), len(body))
    return head + more + b"\r\n" + body


@dataclass
class Both:
    """The same service twice, with the lane and without it, each with a caller whose key is cached."""

    lane: DirectApi
    other: DirectApi
    callers: tuple[Caller, Caller]

    async def ask(self, data: bytes) -> bytes:
        """What both answer, which is the same."""
        ours, theirs = [await caller.ask(data) for caller in self.callers]
        assert ours == theirs
        assert self.lane.counted() == self.other.counted()
        return ours

    def each(self, change: Callable[[DirectApi], None]) -> None:
        change(self.lane)
        change(self.other)

    def taken(self) -> list[bool]:
        """Which of the calls after those that warmed it up the lane has taken."""
        return self.lane.taken()[2:]


async def warm_caller(made: DirectApi) -> Caller:
    """The first call reads the key, the second one meets it in the cache."""
    caller = made.caller()
    for _ in range(2):
        assert (await caller.ask(got(BALANCE))).startswith(b"HTTP/1.1 200 OK\r\n")
    return caller


@asynccontextmanager
async def both(
    directory: Path,
    found: Callable[[], Rows] = rows,
    *,
    others: dict[str, Any] | None = None,
    **of_api: Any,  # noqa: ANN401 - of Api
) -> AsyncIterator[Both]:
    async with AsyncExitStack() as stack:
        made = []
        for lane in (True, False):
            api = Api(found(), directory, plain_requests, **of_api)
            own = {name: make() for name, make in (others or {}).items()}
            made.append(await stack.enter_async_context(direct_api(api, lane=lane, others=own)))
        yield Both(made[0], made[1], (await warm_caller(made[0]), await warm_caller(made[1])))


@asynccontextmanager
async def lane(directory: Path) -> AsyncIterator[tuple[DirectApi, Caller]]:
    async with direct_api(Api(rows(), directory, plain_requests)) as made:
        yield made, await warm_caller(made)


def as_sent(scope: dict[str, Any], body: bytes) -> bytes:
    target = scope["path"].encode() + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    lines = [b"%s %s HTTP/1.1" % (scope["method"].encode(), target)]
    lines += [b"%s: %s" % header for header in scope["headers"]]
    if scope["method"] == "POST":
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))


async def test_any_request_is_answered_with_the_same_bytes(tmp_path: Path) -> None:
    count = 100_000 if os.environ.get(LONG_TESTS) else 1_500
    made = SignedRequests.of(os.environ.get("TALLYSTICK_SEED", "lane"), START)
    plain, reader = 0, request_reader()
    apis = [Api(made.rows, tmp_path, plain_requests) for _ in range(2)]
    async with direct_api(apis[0]) as ours, direct_api(apis[1], lane=False) as theirs:
        callers = [ours.caller(), theirs.caller()]
        for _ in range(count):
            data = as_sent(*made.request())
            if reader.read(data) is not RequestReading.WHOLE:
                continue  # it is the HTTP server's
            plain += 1
            heard = [await caller.ask(data) for caller in callers]
            assert heard[0] == heard[1], data
        assert ours.counted() == theirs.counted()
        taken = ours.taken()
    assert len(taken) == plain
    assert plain > count / 2
    assert sum(taken) > plain / 4
    assert sum(taken) < plain * 0.95


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (got(pay("done")), b"200 OK"),
        (got(BALANCE), b"200 OK"),
        (posted(pay("done")), b"200 OK"),
        (posted(pay("done"), b""), b"200 OK"),
        (got(pay("done"), b"Accept: text/html\r\nX-Forwarded-For: 1.2.3.4\r\n"), b"200 OK"),
        (got(pay("refused")), b"400 Bad Request"),
        (got(pay("broken")), b"503 Service Unavailable"),
        (got(pay("damaged")), b"500 Internal Server Error"),
        (got(pay("lost")), b"503 Service Unavailable"),
        (got(pay("stale")), b"200 OK"),
        (posted(pay("stale refused")), b"400 Bad Request"),
    ],
    ids=range(11),
)
async def test_what_the_lane_takes_comes_to_the_same(tmp_path: Path, request_: bytes, status: bytes) -> None:
    async with both(tmp_path) as made:
        answer = await made.ask(request_)
        assert answer.startswith(b"HTTP/1.1 %s\r\n" % status)
        assert made.taken() == [True]
        if b"connection: close" not in answer:
            await made.ask(request_)
        assert not made.lane.front.under_way._calls  # noqa: SLF001 - nothing is left of it
        assert not made.lane.api.service.calls._under_way  # noqa: SLF001 - and no turn either


@pytest.mark.parametrize(
    "request_",
    [
        got(pay("done") | {"Timestamp": "2027-03-01T11:00:00Z"}),
        got(pay("done") | {"Version": "2007-01-08"}),
        got(pay("done") | {"TransactionAmount.Value": "0"}),
        posted(pay("done"), b"Content-Type: text/plain\r\n"),
        b"POST /?%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n" % (query(pay("done"), "POST"), HOST.encode()),
        b"GET / HTTP/1.1\r\nHost: pay.example\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: pay.example\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=range(7),
)
async def test_what_is_not_for_the_lane_is_left_to_the_application(tmp_path: Path, request_: bytes) -> None:
    async with both(tmp_path) as made:
        await made.ask(request_)
        assert made.taken() == [False]


def read(data: bytes) -> RequestReader:
    reader = request_reader()
    assert reader.read(data) is RequestReading.WHOLE
    return reader


async def test_an_envelope_that_says_it_is_a_form_is_left_to_the_application(tmp_path: Path) -> None:
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    async with lane(tmp_path) as (made, caller):
        short, client = made.lane, caller.connection
        assert short is not None
        assert not short.takes(read(posted(pay("done"), form + b"SOAPAction: Pay\r\n")), client)
        assert not made.api.committer.taken


async def test_a_key_that_has_changed_is_read_once_more_and_nothing_is_done_twice(tmp_path: Path) -> None:
    async with both(tmp_path) as made:
        await made.ask(got(pay("stale")))
        assert made.taken() == [True]
        assert [key for _, _, key, _ in made.lane.api.committer.taken] == [KEY, None]


async def test_whoever_calls_too_often_is_counted_once(tmp_path: Path) -> None:
    async with both(tmp_path, lambda: rows(calls_per_second=2)) as made:
        answers = [await made.ask(got(pay("done"))) for _ in range(4)]
        assert [answer[9:12] for answer in answers] == [b"200", b"200", b"503", b"503"]
        assert made.taken() == [True, True, False, False]


async def test_a_closed_account_and_a_key_for_something_else_are_told_so(tmp_path: Path) -> None:
    for others, status in (({"status": "closed"}, b"400"), ({"scopes": 1}, b"401")):
        async with both(tmp_path) as made:
            for one in (made.lane, made.other):
                one.api.rows.add_key(KEY, SECRET, **others)
                await one.api.service.keys.find(KEY)  # somebody has read it again
            answer = await made.ask(got(pay("done")))
            assert answer[9:12] == status
            assert made.taken() == [False]
            assert not made.lane.api.committer.taken


async def test_networks_of_a_key_are_asked_for_with_the_address_of_the_client(tmp_path: Path) -> None:
    def told(scope: Any) -> Any:  # noqa: ANN401 - a scope, an address
        return ip_address(header(scope, b"x-forwarded-for") or scope["client"][0])

    async with both(tmp_path) as made:
        for one in (made.lane, made.other):
            one.api.plain.address_of = told
            object.__setattr__(one.api.api, "address_of", told)
            one.api.rows.add_key(KEY, SECRET, networks=[f"{ADDRESS}/32"])
            await one.api.service.keys.find(KEY)
        assert (await made.ask(got(pay("done")))).startswith(b"HTTP/1.1 200 ")
        assert (await made.ask(got(pay("done"), b"X-Forwarded-For: 10.0.0.1\r\n"))).startswith(b"HTTP/1.1 401 ")
        assert made.taken() == [True, False]


async def test_where_there_is_too_much_to_do_nobody_is_let_in(tmp_path: Path) -> None:
    def crowd(one: DirectApi) -> None:
        one.front.under_way.crowded, one.front.under_way.wait_seconds = True, 9

    async with both(tmp_path) as made:
        made.each(crowd)
        answer = await made.ask(got(pay("done")))
        assert b"has more to do" in answer
        assert made.taken() == [False]


@pytest.mark.parametrize("limit", ["rates", "by_route"])
async def test_addresses_that_have_a_limit_are_counted_by_the_application(tmp_path: Path, limit: str) -> None:
    def make() -> Any:  # noqa: ANN401 - of Front
        rates = CallRates(1, 4, lambda: 0.0)
        return rates if limit == "rates" else {"api": rates}

    others = {limit: make, "address_of": lambda: lambda scope: scope["client"][0]}
    async with both(tmp_path, others=others) as made:
        answers = [await made.ask(got(pay("done"))) for _ in range(3)]
        assert [answer[9:12] for answer in answers] == [b"200", b"200", b"503"]
        assert made.taken() == [False] * 3


async def test_where_the_clock_is_wrong_nothing_is_done(tmp_path: Path) -> None:
    class Wrong:
        def now(self) -> None:
            raise WrongClockError

    async with both(tmp_path) as made:
        made.each(lambda one: object.__setattr__(one.api.service, "clock_watch", Wrong()))
        answer = await made.ask(got(pay("done")))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert made.taken() == [True]
        assert not made.lane.api.committer.taken


async def test_a_call_has_an_answer_in_time_and_what_comes_later_is_dropped(tmp_path: Path) -> None:
    async with both(tmp_path) as made:
        made.each(no_time)
        answer = await made.ask(got(pay("later")))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"has no answer within" in answer
        assert answer.count(b"connection: close") == 1
        assert made.taken() == [True]
        ((coming, _),) = made.lane.api.committer.held
        assert coming.cancelled()
        assert made.callers[0].wire.closed
        await until(lambda: not made.lane.api.service.calls._under_way)  # noqa: SLF001 - its turn is given back
        assert made.lane.counted() == made.other.counted()


async def test_a_key_that_is_read_once_more_has_what_is_left_of_the_time(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        no_time(made)
        asked = asyncio.Event()

        async def wait(*_: object) -> list[dict[str, Any]]:
            asked.set()
            await asyncio.Event().wait()
            return []

        object.__setattr__(made.api.rows, "fetch", wait)
        caller.say(got(pay("stale")))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asked.wait()
        assert b"has no answer within" in await caller.hear()


def no_time(made: DirectApi) -> None:
    """From now on each call that is under way at the next look has taken too long."""
    made.front.under_way.call_seconds = 0


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reached():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_callers_have_their_shares(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        service, committer = made.api.service, made.api.committer
        object.__setattr__(service, "calls", FairShares(alone=1, together=1, least=1))
        others = [made.caller() for _ in range(3)]
        caller.say(got(pay("later 0")))
        for number, one in enumerate(others):
            one.say(got(pay(f"later {number + 1}")))
        assert len(committer.held) == 1
        others[0].hang_up()  # its payment is made nevertheless
        for _ in range(4):
            await until(lambda: bool(committer.held))
            assert len(committer.held) == 1
            committer.answer_all()
        assert [(await one.hear())[:12] for one in (caller, *others[1:])] == [b"HTTP/1.1 200"] * 3
        await until(lambda: not service.calls._under_way)  # noqa: SLF001 - all turns are given back
        assert [command.request.caller_reference for _, command, _, _ in committer.taken] == [
            f"later {number}" for number in range(4)
        ]


async def test_whoever_waits_for_a_turn_has_an_answer_in_time(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        no_time(made)
        shares = FairShares(alone=1, together=1, least=1)
        object.__setattr__(made.api.service, "calls", shares)
        assert shares.begins(3)
        assert b"has no answer within" in await caller.ask(got(pay("done")))
        shares.ended(3)
        assert not shares._under_way  # noqa: SLF001 - nobody has taken the turn that was given up
        assert not made.api.committer.taken


async def test_a_turn_that_comes_as_the_time_is_up_is_given_back(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        no_time(made)
        shares, under_way = FairShares(alone=1, together=1, least=1), made.front.under_way
        object.__setattr__(made.api.service, "calls", shares)
        assert shares.begins(3)
        caller.say(got(pay("done")))
        shares.ended(3)  # its turn, of which it has not heard yet
        under_way._look()  # noqa: SLF001 - at this moment
        assert b"has no answer within" in await caller.hear()
        await until(lambda: not shares._under_way)  # noqa: SLF001 - given back
        assert not made.api.committer.taken


async def test_an_answer_that_comes_as_the_time_is_up_is_dropped(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        no_time(made)
        caller.say(got(pay("broken")))
        (call,) = made.front.under_way._calls  # noqa: SLF001 - the only one
        assert len(repr(call)) < 100
        made.front.under_way._look()  # noqa: SLF001 - at this moment
        assert b"has no answer within" in await caller.hear()
        await until(lambda: not made.api.service.calls._under_way)  # noqa: SLF001 - given back
        assert not made.front.under_way._calls  # noqa: SLF001 - nor is it under way


@pytest.mark.parametrize("reference", ["later", "later stale"])
async def test_whoever_hangs_up_gets_nothing_and_the_payment_is_made(tmp_path: Path, reference: str) -> None:
    async with lane(tmp_path) as (made, caller):
        caller.say(got(pay(reference)))
        caller.hang_up()
        await until(lambda: bool(made.api.committer.held))
        made.api.committer.answer_all()
        await until(lambda: made.api.service.meter.calls["Pay", "ok"] == 1)
        assert caller.wire.written == b""
        assert not made.front.under_way._calls  # noqa: SLF001 - nothing is left of it


async def test_one_request_is_under_way_at_a_time(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        caller.say(got(pay("later 1")))
        caller.say(got(pay("later 2")))
        assert len(made.api.committer.held) == 1
        made.api.committer.answer_all()
        assert (await caller.hear()).startswith(b"HTTP/1.1 200 ")
        assert [command.request.caller_reference for _, command, _, _ in made.api.committer.taken] == [
            "later 1",
            "later 2",
        ]
        made.api.committer.answer_all()
        assert (await caller.hear()).startswith(b"HTTP/1.1 200 ")


async def test_whoever_does_not_take_an_answer_is_not_heard(tmp_path: Path) -> None:
    async with lane(tmp_path) as (made, caller):
        caller.say(got(pay("done 1")))
        caller.connection.pause_writing()
        caller.say(got(pay("done 2")))
        assert (await caller.hear()).startswith(b"HTTP/1.1 200 ")
        assert len(made.api.committer.taken) == 1
        caller.connection.resume_writing()
        assert (await caller.hear()).startswith(b"HTTP/1.1 200 ")
        assert len(made.api.committer.taken) == 2


async def test_at_the_end_what_is_under_way_is_answered_and_nothing_follows_it(tmp_path: Path) -> None:
    async with both(tmp_path) as made:
        made.each(lambda one: setattr(one.api.service.ending, "begun", True))
        for caller in made.callers:
            caller.say(got(pay("later")))
        await until(lambda: bool(made.other.api.committer.held))
        made.each(lambda one: one.server.end())
        assert not made.callers[0].wire.closed
        made.each(lambda one: one.api.committer.answer_all())
        ours, theirs = [await caller.hear() for caller in made.callers]
        assert ours == theirs
        assert ours.count(b"connection: close") == 1
        assert made.callers[0].wire.closed


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("reference", ["done", "lost"])
async def test_while_a_process_ends_each_answer_closes(tmp_path: Path, reference: str, begun: bool) -> None:
    async with both(tmp_path) as made:
        made.each(lambda one: setattr(one.api.service.ending, "begun", begun))
        answer = await made.ask(got(pay(reference), b"Connection: close\r\n"))
        assert answer.count(b"connection: close") == 1
        assert made.callers[0].wire.closed
        assert made.taken() == [True]


async def test_whoever_cannot_be_counted_hears_of_a_failure(tmp_path: Path) -> None:
    def fail(*_: object) -> float:
        raise RuntimeError("as it was told to")

    async with both(tmp_path) as made:
        made.each(lambda one: setattr(one.api.service.request_log, "clock", fail))
        answer = await made.ask(got(pay("done")))
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert answer.endswith(b"Internal server error")
        assert made.taken() == [True]


async def test_headers_for_browsers_are_those_of_the_settings(tmp_path: Path) -> None:

    async with both(tmp_path) as made:
        answer = await made.ask(got(BALANCE))
        assert b"\r\nstrict-transport-security: " in answer
        assert b"\r\nx-content-type-options: nosniff\r\n" in answer
