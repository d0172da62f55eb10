"""The machine that knows people is gone, those that have the books are up: payments go on, and sign-ins wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.support.balanced import all_balanced
from tests.support.clock import TestClock
from tests.support.cluster import Cluster, Machine, cluster_of
from tests.support.master_key import MASTER_KEY
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop

from tallystick.db.connections import UNAVAILABLE
from tallystick.db.database import open_pool
from tallystick.db.distribution import address_of
from tallystick.processors.rails import Rails
from tallystick.services.identity.sign_in import open_personal, sign_in
from tallystick.settings import Settings
from tallystick.wiring import asgi_app, open_service
from tallystick.worker import Worker

URL = "http://shop.example"
PASSWORD = "a long enough password"


@dataclass
class Stage:
    shop: Shop
    cluster: Cluster
    identity: Machine


@pytest.fixture
async def stage(make_migrated: MakeDatabase, clock: TestClock, tmp_path: Path) -> AsyncIterator[Stage]:
    """A service that reaches one database in two ways: as the coordinator, and as the machine with the books."""
    url = await make_migrated()
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(cluster_of(url, url))
        identity, money = cluster.machines
        settings = Settings(
            data_directory=tmp_path, database_url=address_of(url, identity.node), public_url=URL, master_key=MASTER_KEY
        )
        opened = open_service(settings, clock, router_of=lambda _dsn, _pool, money_pool: cluster.router(money_pool))
        service = await stack.enter_async_context(opened)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(asgi_app(service)), base_url=URL, **CHECKED)
        )
        watching = await stack.enter_async_context(await open_pool(url, max_size=2))
        await stack.enter_async_context(all_balanced(watching))
        shop = await new_shop(service, Worker(service, Rails(())), client, URL, clock)
        shop = replace(shop, books=replace(shop.books, pool=watching))
        cluster.places[shop.books.book_id] = cluster.places[shop.books.operator_book_id] = money.node
        yield Stage(shop, cluster, identity)
        identity.is_dead = False


async def test_payments_of_known_keys_go_on_and_sign_ins_wait(stage: Stage) -> None:
    shop, service = stage.shop, stage.shop.service
    person = await open_personal(service, "Ann", "ann@example.com", PASSWORD)
    buyer = await shop.books.funded_buyer("10.00")
    assert (await shop.pay(buyer, "1.00")).code is None

    stage.identity.die()
    stage.cluster.is_gone = ConnectionRefusedError()
    for _ in range(3):
        assert (await shop.pay(buyer, "1.00")).code is None
    with pytest.raises(UNAVAILABLE):
        await sign_in(service, "ann@example.com", PASSWORD)
    stranger = replace(shop, key=replace(shop.key, access_key_id="TSIDEMOKEY0000000000"))
    assert (await stranger.call("GetAccountBalance")).code == "ServiceUnavailable"

    stage.identity.is_dead, stage.cluster.is_gone = False, None
    assert (await sign_in(service, "ann@example.com", PASSWORD)).party_id == person.party_id
    assert await shop.balance(buyer) == 6_000_000
