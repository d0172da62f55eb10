"""A host proves to be a seller's by a line at its well-known path, over https, and by nothing else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.notify.receivers import answer
from tests.notify.test_safety import Names, make_tls

from tallystick.notify.host_proof import PATH, HostProver, NotProvedError
from tallystick.settings import Settings

HOST = "shop.example"
TOKEN = "tallystick-return-host=7-0123456789abcdef"


@dataclass
class Site:
    """A web server that answers every request alike, and remembers what it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def site(tls: ssl.SSLContext, reply: bytes) -> AsyncIterator[Site]:
    opened = Site(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        opened.asked.append(head.decode("latin-1").split("\r\n")[0])
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    opened.port = server.sockets[0].getsockname()[1]
    try:
        yield opened
    finally:
        server.close()


def prover(tls: ssl.SSLContext | None, port: int, *, private: bool = True) -> HostProver:
    settings = Settings(allow_private_notification_targets=private, notification_timeout_ms=3000)
    return HostProver(settings, tls, Names(["127.0.0.1"]), port)


async def test_the_line_proves_it(tmp_path: Path) -> None:
    server, client = make_tls(tmp_path, HOST)
    body = f"# our hosts\r\nsomething else\r\n  {TOKEN}  \r\n".encode()
    async with site(server, answer(200, body=body)) as opened:
        await prover(client, opened.port).check(HOST, TOKEN)
    assert opened.asked == [f"GET {PATH} HTTP/1.1"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (answer(200, body=TOKEN.encode() + b"0"), "does not have the line"),
        (answer(200, body=b"x" + TOKEN.encode()), "does not have the line"),
        (answer(200, body=b"x" * 20_000 + b"\n" + TOKEN.encode()), "does not have the line"),
        (answer(404, body=TOKEN.encode()), "answered 404"),
        (answer(302, f"location: https://{HOST}/", body=TOKEN.encode()), "answered 302"),
        (b"", "cannot be read"),
    ],
)
async def test_nothing_else_does(tmp_path: Path, reply: bytes, told: str) -> None:
    server, client = make_tls(tmp_path, HOST)
    async with site(server, reply) as opened:
        with pytest.raises(NotProvedError, match=told):
            await prover(client, opened.port).check(HOST, TOKEN)


async def test_only_the_host_itself_can_show_it(tmp_path: Path) -> None:
    """A certificate of another name, or of nobody whom browsers trust, proves nothing."""
    server, client = make_tls(tmp_path, "other.example")
    async with site(server, answer(200, body=TOKEN.encode())) as opened:
        with pytest.raises(NotProvedError, match="cannot be read"):
            await prover(client, opened.port).check(HOST, TOKEN)
        with pytest.raises(NotProvedError, match="cannot be read"):
            await prover(None, opened.port).check("other.example", TOKEN)
    assert opened.asked == []


async def test_our_own_network_is_not_asked(tmp_path: Path) -> None:
    server, client = make_tls(tmp_path, HOST)
    async with site(server, answer(200, body=TOKEN.encode())) as opened:
        with pytest.raises(NotProvedError, match="not on the public internet"):
            await prover(client, opened.port, private=False).check(HOST, TOKEN)
    assert opened.asked == []


def test_where_it_is_looked_for() -> None:
    settings = Settings()
    assert HostProver(settings).address(HOST) == f"https://{HOST}{PATH}"
    assert HostProver(settings).address("2001:db8::1") == f"https://[2001:db8::1]{PATH}"
