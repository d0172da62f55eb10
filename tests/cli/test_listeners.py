"""Listening sockets are left without losing anybody who has connected, and refuse who has not."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.stories.conftest import free_port

from tallystick.cli.serving.http_server import listening
from tallystick.cli.serving.listeners import listeners, refuse_new, waiting

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Receive, Scope, Send

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
CALLERS = 100

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can refuse without closing")


def opened() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen(100)
    found.setblocking(False)
    return found


async def test_who_has_connected_is_heard_and_who_comes_later_is_refused_without_having_sent_anything() -> None:
    loop = asyncio.get_running_loop()
    with closing(opened()) as listener, socket.socket() as early, socket.socket() as late:
        for one in (early, late):
            one.setblocking(False)
        await loop.sock_connect(early, listener.getsockname())
        refuse_new(listener)
        connecting = asyncio.create_task(loop.sock_connect(late, listener.getsockname()))
        await loop.sock_sendall(early, b"a request")
        assert waiting(listener) == 1

        accepted, _ = await loop.sock_accept(listener)
        with accepted:
            accepted.setblocking(False)
            assert await loop.sock_recv(accepted, 100) == b"a request"
            await loop.sock_sendall(accepted, b"an answer")
            assert await loop.sock_recv(early, 100) == b"an answer"
        assert waiting(listener) == 0
        assert not connecting.done()
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(connecting, 60)


def test_those_of_a_port_are_found_whoever_opened_them() -> None:
    with closing(opened()) as listener, closing(opened()) as other:
        client = socket.create_connection(listener.getsockname())
        with client, listeners(listener.getsockname()[1]) as found:
            assert [one.getsockname() for one in found] == [listener.getsockname()]
            assert {one.fileno() for one in found}.isdisjoint({listener.fileno(), other.fileno()})
        assert listener.fileno() > 0, "only what was borrowed is closed"


async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": b"done"})


async def call_until_refused(port: int, answers: list[bytes]) -> None:
    """Each time by another connection, as programs and proxies do that were told to close theirs."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        try:
            writer.write(REQUEST)
            answers.append(await reader.read())
        except ConnectionError as error:
            answers.append(repr(error).encode())
        writer.close()


async def test_whoever_has_sent_a_request_gets_the_answer_while_the_server_ends() -> None:
    port, answers = free_port(), list[bytes]()
    server = listening(application, "127.0.0.1", port, gently=True)
    async with asyncio.timeout(60), asyncio.TaskGroup() as callers, server:
        for _ in range(CALLERS):
            callers.create_task(call_until_refused(port, answers))
        while len(answers) < 5 * CALLERS:  # noqa: ASYNC110 - callers tell of nothing
            await asyncio.sleep(0.01)

    assert [one for one in answers if not one.startswith(b"HTTP/1.1 200") or not one.endswith(b"done")] == []
