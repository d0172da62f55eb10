"""Who calls too often hears so, and when to come again; others, and what watches over the service, are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.stories.conftest import OpenShop
from tests.support.schemas import CHECKED
from tests.support.shop import Shop

from tallystick.client.batch import BATCH_PATH, signed_batch
from tallystick.client.fps import Credentials
from tallystick.services.process.peer_processes import PeerProcesses
from tallystick.wiring import asgi_app

AtService = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def service_with(shop: Shop) -> AsyncIterator[AtService]:
    """A client of the same service with other settings."""
    async with AsyncExitStack() as stack:

        def client(**settings: Any) -> httpx.AsyncClient:  # noqa: ANN401 - any setting
            service = replace(shop.service, settings=replace(shop.service.settings, **settings))
            opened = httpx.AsyncClient(transport=httpx.ASGITransport(asgi_app(service)), base_url=shop.url, **CHECKED)
            stack.push_async_callback(opened.aclose)
            return opened

        yield client


async def balance(client: httpx.AsyncClient, shop: Shop) -> httpx.Response:
    return await client.get("/", params=shop.signed("GET", {"Action": "GetAccountBalance"}))


async def test_a_key_that_calls_too_often_is_throttled(
    shop: Shop, open_shop: OpenShop, service_with: AtService
) -> None:
    client, other = service_with(calls_per_second=1), await open_shop()
    answers = [await balance(client, shop) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 503, 503]
    assert "<Code>Throttling</Code>" in answers[-1].text
    assert answers[-1].headers["retry-after"] == "1"
    assert (await balance(client, other)).status_code == 200
    await asyncio.sleep(1.1)
    assert (await balance(client, shop)).status_code == 200


async def test_what_is_throttled_is_not_done(shop: Shop, service_with: AtService) -> None:
    client, buyer = service_with(calls_per_second=1), await shop.books.funded_buyer("10.00")
    calls = [{"Action": "Pay", **shop.pay_parameters(buyer, "1.00")} for _ in range(5)]
    answers = [await client.get("/", params=shop.signed("GET", call)) for call in calls]

    assert [answer.status_code for answer in answers] == [200, 200, 503, 503, 503]
    assert await shop.balance(buyer) == 8_000_000


async def test_each_line_of_a_batch_is_a_call(shop: Shop, service_with: AtService) -> None:
    client, buyer = service_with(calls_per_second=2), await shop.books.funded_buyer("10.00")

    async def batch(lines: int) -> httpx.Response:
        payments = [
            {"caller_reference": shop.reference(), "sender_token_id": buyer.spending, "amount": "0.10"}
            for _ in range(lines)
        ]
        credentials = Credentials(shop.key.access_key_id, shop.key.secret)
        headers, body = signed_batch(shop.url, credentials, payments, shop.clock())
        return await client.post(BATCH_PATH, content=body, headers=headers)

    assert (await batch(10)).status_code == 200  # more than there ever is at once: from a full bucket
    refused = await batch(1)
    assert (refused.status_code, refused.json()["code"]) == (429, "Throttling")
    assert int(refused.headers["retry-after"]) >= 3  # six lines too many, and the next
    assert await shop.balance(buyer) == 9_000_000


async def test_nobody_uses_up_the_calls_of_a_key_without_its_secret(shop: Shop, service_with: AtService) -> None:
    client = service_with(calls_per_second=1)
    forged = shop.signed("GET", {"Action": "GetAccountBalance", "Signature": "AAAA"})
    for _ in range(5):
        assert "<Code>SignatureDoesNotMatch</Code>" in (await client.get("/", params=forged)).text
    assert (await balance(client, shop)).status_code == 200


async def test_an_address_that_asks_too_often_is_throttled(shop: Shop, service_with: AtService) -> None:
    client = service_with(requests_per_second_per_address=10, reverse_proxies=1)

    async def asked(path: str, address: str) -> httpx.Response:
        return await client.get(path, headers={"x-forwarded-for": address})

    begun = [await asked("/cobranded-ui/actions/start", "203.0.113.1") for _ in range(3)]
    assert [answer.status_code for answer in begun[:2]] != [429, 429]
    assert begun[2].status_code == 429  # each counted as ten, and two seconds' worth were there
    assert begun[2].headers["retry-after"] == "1"
    assert (await asked("/healthz", "203.0.113.1")).status_code == 200
    assert (await asked("/cobranded-ui/actions/start", "203.0.113.2")).status_code != 429

    told = await client.get(
        "/", params=shop.signed("GET", {"Action": "GetAccountBalance"}), headers={"x-forwarded-for": "203.0.113.2"}
    )
    assert told.status_code == 200


async def test_processes_of_one_serve_count_a_key_and_an_address_together(shop: Shop, tmp_path: Path) -> None:
    settings = replace(shop.service.settings, calls_per_second=1, requests_per_second_per_address=1, reverse_proxies=1)
    async with AsyncExitStack() as stack:
        clients = []
        for name in ("0", "1"):
            service = replace(shop.service, settings=settings, peers=PeerProcesses(tmp_path, name))
            service.rates.clock = lambda: 100.0
            client = httpx.AsyncClient(transport=httpx.ASGITransport(asgi_app(service)), base_url=shop.url, **CHECKED)
            clients.append(await stack.enter_async_context(client))
        keys = [(await balance(client, shop)).status_code for client in (*clients, *clients)]
        assert keys == [200, 200, 503, 503]
        addresses = [
            (await client.get("/cobranded-ui/actions/start", headers={"x-forwarded-for": "203.0.113.1"})).status_code
            for client in clients
        ]
        assert [status == 429 for status in addresses] == [False, True]  # it counts as ten, which takes ten seconds


@pytest.mark.parametrize(
    ("route", "method", "path"),
    [
        ("batch", "POST", BATCH_PATH),
        ("start", "GET", "/cobranded-ui/actions/start"),
        ("sign-in", "POST", "/account/sign-in"),
        ("api", "GET", "/"),
        ("api", "GET", "/v1/payments"),
    ],
)
async def test_each_kind_of_request_may_have_a_limit_of_its_own(
    service_with: AtService, route: str, method: str, path: str
) -> None:
    client = service_with(requests_per_minute_by_route=((route, 1),), reverse_proxies=1)

    async def asked(address: str, method: str = method, path: str = path) -> httpx.Response:
        return await client.request(method, path, headers={"x-forwarded-for": address})

    throttled = 503 if path == "/" else 429
    assert (await asked("203.0.113.1")).status_code != throttled
    refused = await asked("203.0.113.1")
    assert refused.status_code == throttled
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await asked("203.0.113.2")).status_code != throttled
    assert (await asked("203.0.113.1", "GET", "/account/sign-in")).status_code == 200, "other requests are not counted"
