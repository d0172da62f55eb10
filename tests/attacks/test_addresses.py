"""Names that are not ours, and paths spelled so that a proxy takes them for others."""

from __future__ import annotations

import asyncio
import http.client
from datetime import datetime, timedelta

import httpx
import pytest
from tests.stories.pages.people import operator, signed_in
from tests.stories.pages.world import Browser, World

from tallystick.web.api.asgi import Receive, Scope, Send, respond
from tallystick.web.api.strict_answers import StrictAnswers
from tallystick.wiring import asgi_app

PUBLIC = "https://pay.example.com"


@pytest.fixture
async def admin(world: World) -> Browser:
    return await signed_in(world, await operator(world))


@pytest.mark.parametrize(
    ("changes", "host", "status"),
    [
        ({}, "pay.example.com", 200),
        ({}, "PAY.example.com.:443", 200),
        ({}, "evil.example", 421),
        ({}, "pay.example.com.evil.example", 421),
        ({}, "127.0.0.1:8400", 421),
        ({"allowed_hosts": ("fps.example.org", "[::1]")}, "fps.example.org:8443", 200),
        ({"allowed_hosts": ("fps.example.org", "[::1]")}, "[::1]:8400", 200),
        ({"allowed_hosts": ("fps.example.org",)}, "pay.example.com", 200),
        ({"allowed_hosts": ("fps.example.org",)}, "[::2]", 421),
        ({"public_url": "http://127.0.0.1:8400"}, "authorize.payments.amazon.com", 200),  # tried out by an old client
        ({"public_url": "http://127.0.0.1:8400", "allowed_hosts": ("a.example",)}, "evil.example", 421),
    ],
)
async def test_pages_are_answered_under_our_names_alone(
    world: World, changes: dict[str, object], host: str, status: int
) -> None:
    transport = httpx.ASGITransport(asgi_app(world.configured(**{"public_url": PUBLIC, **changes})))
    async with httpx.AsyncClient(transport=transport, base_url=world.base_url, headers={"host": host}) as client:
        assert (await client.get("/account/sign-in")).status_code == status
        assert (await client.get("/healthz")).status_code == 200, "whatever watches over the process knows no name"


@pytest.mark.parametrize(
    "path",
    [
        *("//admin", "/admin//settings", "//admin/settings", "/%61dmin", "/%61%64min/settings", "/admin%2fsettings"),
        *("/adm%69n", "/%2e/admin", "/admin/%73ettings", "/x/../admin", "/admin/./settings", "/admin%5csettings"),
    ],
)
async def test_a_page_has_one_spelling(world: World, admin: Browser, path: str) -> None:
    """Sent as they are, which clients do not: most put paths in order."""
    cookies = "; ".join(f"{name}={value}" for name, value in admin.http.cookies.items())

    def ask(path: str) -> int:
        connection = http.client.HTTPConnection(world.host, timeout=30)
        try:
            connection.request("GET", path, headers={"cookie": cookies})
            return connection.getresponse().status
        finally:
            connection.close()

    assert await asyncio.to_thread(ask, "/admin/settings") == 200
    assert await asyncio.to_thread(ask, path) == 404


@pytest.mark.parametrize(
    "path", ["/", "/?Action=Pay", "/v1/payments/batch", "/account/sign-in", "/static/mark.svg", "/no"]
)
async def test_every_answer_keeps_browsers_strict(world: World, path: str) -> None:
    answer = await world.browser().http.get(path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/v1/payments/batch", "/account/sign-in", "/static/mark.svg"])
async def test_over_https_browsers_are_told_to_stay_with_it(world: World, path: str) -> None:
    service = world.configured(public_url=PUBLIC, hsts="max-age=63072000; includeSubDomains; preload")
    transport = httpx.ASGITransport(asgi_app(service))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
        answer = await client.get(path)

    assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains; preload"


async def test_whom_to_tell_of_a_weakness(world: World) -> None:
    contacts = ("mailto:security@example.com", "https://example.com/report")
    answer = await world.browser(world.configured(security_contact=contacts)).http.get("/.well-known/security.txt")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = [line.split(": ", 1) for line in answer.text.splitlines()]
    assert fields[:2] == [["Contact", one] for one in contacts]
    assert fields[3] == ["Canonical", f"{world.base_url}/.well-known/security.txt"]
    assert fields[2][0] == "Expires"
    good_for = datetime.fromisoformat(fields[2][1]) - world.clock()
    assert timedelta(days=30) < good_for < timedelta(days=365)
    untold = world.browser(world.configured(security_contact=None))
    assert (await untold.http.get("/.well-known/security.txt")).status_code == 404


async def test_so_does_a_soap_fault(world: World) -> None:
    answer = await world.browser().http.post("/", content="<a", headers={"content-type": "text/xml"})

    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_so_does_what_is_refused_before_a_page_is_made(world: World) -> None:
    async def busy(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, 503, ((b"content-type", b"text/html"),), b"Not now")

    transport = httpx.ASGITransport(StrictAnswers(busy, world.service.settings))
    async with httpx.AsyncClient(transport=transport, base_url=world.base_url) as client:
        answer = await client.get("/account")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
