"""The proxy cuts what it was told to cut, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tallystick.torture.proxy import HOST, Proxy, to_port

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Counting:
    """A server that counts the requests that reach it."""

    def __init__(self) -> None:
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()


@pytest.fixture
async def counting() -> AsyncIterator[tuple[Counting, Proxy, httpx.AsyncClient]]:
    counting = Counting()
    async with (
        await asyncio.start_server(counting.serve, HOST, 0) as server,
        Proxy(to_port(server.sockets[0].getsockname()[1])).listening() as proxy,
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
    ):
        yield counting, proxy, client


async def test_what_is_not_cut_passes(counting: tuple[Counting, Proxy, httpx.AsyncClient]) -> None:
    server, proxy, client = counting
    proxy.delay_seconds = 0.01
    for _ in range(3):
        assert (await client.get(proxy.url)).text == "ok"
    assert (server.requests, proxy.cuts) == (3, 0)


async def test_a_request_that_is_cut_never_arrives(counting: tuple[Counting, Proxy, httpx.AsyncClient]) -> None:
    server, proxy, client = counting
    proxy.cut_requests = 1
    with pytest.raises(httpx.TransportError):
        await client.get(proxy.url)
    assert server.requests == 0
    assert (await client.get(proxy.url)).text == "ok"


async def test_an_answer_that_is_cut_was_given(counting: tuple[Counting, Proxy, httpx.AsyncClient]) -> None:
    server, proxy, client = counting
    proxy.cut_answers = 1
    with pytest.raises(httpx.TransportError):
        await client.get(proxy.url)
    assert server.requests == 1
    assert (await client.get(proxy.url)).text == "ok"


async def test_where_nobody_is_the_connection_breaks() -> None:
    async with Proxy(to_port(1)).listening() as proxy, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(proxy.url)
