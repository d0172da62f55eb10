"""A slice in which nothing is answered, as on a busy machine, is measured again, and one that lacked requests, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import psutil
import pytest
from tests.bench.test_requests import seller
from tests.support.books import Books
from tests.support.master_key import VAULT

from tallystick.bench.cases import Case
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.target.processes import ServerProcess
from tallystick.bench.target.service import Target
from tallystick.services.context import Service
from tallystick.settings import Settings

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PLAIN = Case(
    "plain", "requests that book nothing", lambda *_: repeat(b"GET / HTTP/1.1\r\n\r\n"), 0, likely_rate=200_000
)


@asynccontextmanager
async def answering(shop: Books, directory: Path, silent: int) -> AsyncIterator[tuple[Target, list[int]]]:
    """A service that says nothing on the first `silent` connections that ask for something; how many asked, each."""
    asked: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = None
        while await reader.readline():
            await reader.readline()  # the empty line that ends a request
            if number is None:
                number = len(asked)
                asked.append(0)
            asked[number] += 1
            if number >= silent:
                writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        served = ServerProcess(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", psutil.Process())
        service = Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock)
        yield Target(directory, service, served, [], None), asked


@pytest.mark.usefixtures("needs_wrk")
async def test_it_is_measured_until_something_is_answered(shop: Books, tmp_path: Path) -> None:
    async with answering(shop, tmp_path, silent=2) as (busy, asked):
        measured = await busy.slice(PLAIN, 1, 0.25)

    assert asked[:2] == [1, 1]
    assert len(asked) == 3
    assert measured.load is not None
    assert 0 < measured.load.requests <= asked[2]


@pytest.mark.usefixtures("needs_wrk")
async def test_a_service_that_is_faster_than_thought_is_measured_again(shop: Books, tmp_path: Path) -> None:
    """Three requests are prepared at first, then twice as many, until some are left over: also for one client."""
    async with answering(shop, tmp_path, silent=0) as (fast, asked):
        measured = await fast.slice(replace(PLAIN, likely_rate=10), 1, 1)

    assert len(asked) >= 2, "each time a client connects once"
    assert asked[0] < asked[-1]
    assert measured.load is not None
    assert measured.load.requests > 4


@pytest.mark.usefixtures("needs_wrk")
async def test_every_request_of_a_load_that_ends_with_them_is_sent_without_waiting(shop: Books, tmp_path: Path) -> None:
    few = [seller("1"), seller("2")]
    count = sum(len(one.balances) for one in few)
    async with answering(shop, tmp_path, silent=0) as (target, asked):
        measured = await replace(target, sellers=few).every_balance(PLAIN, 1)

    assert measured.load is not None
    assert count - 1 <= measured.load.requests <= count
    assert sum(asked) >= count
    assert measured.seconds < 300, "it was asked for ten minutes"


@pytest.mark.usefixtures("needs_wrk")
async def test_who_never_answers_is_told(shop: Books, tmp_path: Path) -> None:
    async with answering(shop, tmp_path, silent=100) as (mute, asked):
        with pytest.raises(LoadError, match="nothing was answered to 1 clients"):
            await replace(mute, longest_seconds=0.5).slice(PLAIN, 1, 0.25)

    assert asked == [1, 1]
