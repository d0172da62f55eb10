"""Why deliveries fail, in the words that sellers read."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
from tests.notify.receivers import receiver
from tests.notify.test_safety import Names, make_tls

from tallystick.notify.failures import in_words
from tallystick.notify.safety import open_client, post_form, resolve


async def why(
    url: str,
    names: Names | None = None,
    *,
    allow_private: bool = True,
    tls: ssl.SSLContext | None = None,
    seconds: float = 20,
) -> str:
    """Post there in vain, and tell what is said of it."""
    resolver = resolve if names is None else names
    async with open_client(allow_private=allow_private, tls=tls, resolver=resolver) as client:
        with pytest.raises((OSError, httpx.HTTPError, httpx.InvalidURL)) as failed:
            await post_form(client, url, "a=1", seconds)
    return in_words(failed.value)


async def test_where_nobody_listens() -> None:
    async with receiver() as gone:
        url = gone.url
    assert await why(url + "?secret=1") == f"nobody listens at 127.0.0.1:{gone.port}"
    named = f"http://shop.example:{gone.port}/ipn"
    assert await why(named, Names(["127.0.0.1"])) == f"nobody listens at shop.example:{gone.port}"


async def test_a_name_that_leads_nowhere() -> None:
    assert await why("http://shop.example/", Names([])) == "the name shop.example leads nowhere: it has no address"
    assert await why("http://no-such-host.invalid/") == (
        "the name no-such-host.invalid leads nowhere: it has no address"
    )


async def test_a_private_address() -> None:
    text = await why("http://shop.example/", Names(["10.0.0.1"]), allow_private=False)
    assert text == "shop.example is not on the public internet"


async def test_no_answer() -> None:
    async with receiver(usual=None) as silent:
        assert await why(silent.url, seconds=0.2) == "no answer in time"
    async with receiver(usual=b"") as hasty:
        assert await why(hasty.url) == f"127.0.0.1:{hasty.port} closed the connection without an answer"


async def test_no_http() -> None:
    async with receiver(usual=b"220 mail.example ESMTP\r\n\r\n") as mail:
        assert (await why(mail.url)).startswith(f"what 127.0.0.1:{mail.port} answered is not HTTP")


async def test_no_https() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        text = await why(f"https://127.0.0.1:{port}/ipn")
    assert text.startswith(f"127.0.0.1:{port} does not speak https")


async def test_a_certificate_of_another_name(tmp_path: Path) -> None:
    server, client = make_tls(tmp_path, "shop.example")
    async with receiver(tls=server) as secure:
        text = await why(f"https://other.example:{secure.port}/", Names(["127.0.0.1"]), tls=client)
    assert text.startswith("the certificate of other.example does not count: ")


def test_what_has_no_words_keeps_its_own() -> None:
    request = httpx.Request("POST", "https://shop.example/ipn")
    assert in_words(KeyError("x")) == "KeyError: 'x'"
    assert in_words(httpx.ReadError("", request=request)) == (
        "the connection to shop.example:443 broke off before there was an answer"
    )
    assert in_words(httpx.ConnectTimeout("", request=request)) == "shop.example:443 could not be reached in time"
    assert in_words(httpx.ReadError("")) == "the connection to the receiver broke off before there was an answer"
    assert in_words(httpx.ConnectError("x" * 1000)) == "ConnectError: " + "x" * 286
