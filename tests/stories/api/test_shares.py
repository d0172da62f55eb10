"""Lists, batches and payments of several keys beside one another: who is answered before whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
from tests.stories.conftest import OpenShop
from tests.support.books import Buyer
from tests.support.schemas import CHECKED
from tests.support.shop import Shop

from tallystick.client.batch import pay_all
from tallystick.client.fps import Credentials
from tallystick.services.api.fair_shares import FairShares
from tallystick.services.api.read_budget import MOST_OF_A_FLOW, READS_AT_A_TIME
from tallystick.services.context import Service
from tallystick.store.keys import access_keys
from tallystick.web.api.batch_api import PART
from tallystick.wiring import asgi_app

STORM = 24
ACTIVITY = {"Action": "GetAccountActivity", "StartDate": "2027-01-01T00:00:00Z", "MaxBatchSize": "200"}


@pytest.fixture
def service(shop: Shop) -> Service:
    """The same service, with turns of its own. Whoever has called counts among those who share, however long ago."""
    return replace(shop.service, calls=FairShares(alone=100_000, together=16, least=4, clock=lambda: 100.0))


@pytest.fixture
async def client(shop: Shop, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(asgi_app(service))
    async with httpx.AsyncClient(transport=transport, base_url=shop.url, **CHECKED) as opened:
        yield opened


async def answered(client: httpx.AsyncClient, shop: Shop, params: dict[str, str]) -> httpx.Response:
    answer = await client.get("/", params=shop.signed("GET", params))
    assert answer.status_code == 200, answer.text
    return answer


async def pay(client: httpx.AsyncClient, shop: Shop, buyer: Buyer) -> None:
    await answered(client, shop, {"Action": "Pay", **shop.pay_parameters(buyer, "0.01")})


async def go_on(pauses: asyncio.Queue[asyncio.Event]) -> None:
    while True:
        (await pauses.get()).set()


async def waiting(service: Service, reads: int) -> None:
    """Until so many wait for their turns."""
    async with asyncio.timeout(60):
        while service.reads.waiting < reads:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)


async def test_a_storm_of_lists_leaves_others_served(
    shop: Shop, open_shop: OpenShop, service: Service, client: httpx.AsyncClient
) -> None:
    """Whenever a list steps aside, it is until somebody else has paid: no payment waits for a list."""
    neighbour = await open_shop()
    buyer, listed = await neighbour.books.funded_buyer("10.00"), await shop.books.funded_buyer("10.00")
    for _ in range(3):
        await pay(client, shop, listed)
    pauses: asyncio.Queue[asyncio.Event] = asyncio.Queue()
    storm: list[asyncio.Task[httpx.Response]] = []

    async def pause(_seconds: float) -> None:
        over = asyncio.Event()
        pauses.put_nowait(over)
        await over.wait()

    service.reads.sleep = pause
    async with asyncio.timeout(120):
        await pay(client, neighbour, buyer)
        storm += [asyncio.create_task(answered(client, shop, ACTIVITY)) for _ in range(STORM)]
        for _ in range(20):
            over = await pauses.get()
            await pay(client, neighbour, buyer)
            assert pauses.empty(), "one list at a time"
            over.set()
        assert not all(one.done() for one in storm)
        going_on = asyncio.create_task(go_on(pauses))
        answers = await asyncio.gather(*storm)
        going_on.cancel()
    assert {answer.text.count("<BatchSize>4</BatchSize>") for answer in answers} == {1}


async def test_lists_of_two_sellers_and_of_two_keys_take_turns(
    shop: Shop, open_shop: OpenShop, service: Service, client: httpx.AsyncClient
) -> None:
    other, third = await open_shop(), await open_shop()
    second_key = shop.with_key(
        await access_keys.create(service.pool, service.vault, shop.key.party_id, "sandbox", shop.clock())
    )
    order: list[str] = []

    async def read(asking: Shop, name: str) -> None:
        await answered(client, asking, ACTIVITY)
        order.append(name)

    async with AsyncExitStack() as stack:
        for number in range(READS_AT_A_TIME):
            await stack.enter_async_context(service.reads.turn("somebody", number))
        reads = []
        for asking, name, times in ((shop, "flood", 6), (second_key, "second key", 1), (other, "other", 2)):
            reads += [asyncio.create_task(read(asking, name)) for _ in range(times)]
            await waiting(service, len(reads))
        # while somebody pays, they go one after the other
        await pay(client, third, await third.books.funded_buyer("10.00"))
    await asyncio.gather(*reads)
    assert order == ["flood", "other", "second key", "other", *["flood"] * 5]


async def test_of_one_key_only_so_many_lists_wait(shop: Shop, service: Service, client: httpx.AsyncClient) -> None:
    """The next one hears so, and a payment of the same key is done."""
    buyer = await shop.books.funded_buyer("10.00")
    async with AsyncExitStack() as stack:
        for number in range(READS_AT_A_TIME):
            await stack.enter_async_context(service.reads.turn("somebody", number))
        lists = [asyncio.create_task(answered(client, shop, ACTIVITY)) for _ in range(MOST_OF_A_FLOW)]
        await waiting(service, MOST_OF_A_FLOW)
        refused = await client.get("/", params=shop.signed("GET", ACTIVITY))
        old = await client.get("/", params=shop.signed("GET", ACTIVITY | {"Version": "2007-01-08"}))
        await pay(client, shop, buyer)
        assert service.reads.waiting == MOST_OF_A_FLOW
    for answer in (refused, old):
        assert answer.status_code == 503
        assert "<Code>Throttling</Code>" in answer.text
        assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert len(await asyncio.gather(*lists)) == MOST_OF_A_FLOW


async def test_a_batch_goes_in_parts_while_somebody_else_pays_one_by_one(
    shop: Shop, open_shop: OpenShop, service: Service, client: httpx.AsyncClient
) -> None:
    neighbour = await open_shop()
    buyer, other = await shop.books.funded_buyer("10.00"), await neighbour.books.funded_buyer("10.00")

    async def groups_of_a_batch(asking: Shop, payer: Buyer) -> int:
        credentials = Credentials(asking.key.access_key_id, asking.key.secret)
        lines = [
            {"caller_reference": asking.reference(), "sender_token_id": payer.spending, "amount": "0.01"}
            for _ in range(3 * PART + 1)
        ]
        before = service.committer.statistics.groups
        outcomes = await pay_all(client, shop.url, credentials, lines, shop.clock())
        assert [outcome["line"] for outcome in outcomes] == [*range(1, len(lines) + 1)]
        assert {outcome["status"] for outcome in outcomes} == {"Success"}
        return service.committer.statistics.groups - before

    assert await groups_of_a_batch(neighbour, other) == 1
    assert await groups_of_a_batch(shop, buyer) == 1, "other batches wait for whole groups"
    await pay(client, neighbour, other)
    assert await groups_of_a_batch(shop, buyer) == 4
