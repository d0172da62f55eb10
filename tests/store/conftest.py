"""Shops on the shared database; after each test its books must balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.store.past import Past, accepted
from tests.store.shop import OpenShop, Shop, new_shop
from tests.support.balanced import balanced
from tests.support.clock import TestClock

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate
from tallystick.domain.commands import Method
from tallystick.store.ledger.committer import Committer


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="module")
async def migrated(make_database: MakeDatabase) -> str:
    """A migrated database that nobody uses: others are made from it, which is quicker than to migrate each."""
    url = await make_database()
    await migrate(url)
    return url


@pytest.fixture
async def own_pool(server_url: str, migrated: str) -> AsyncIterator[Pool]:
    """A migrated database for one test alone: one that spoils it, fills it, or counts or archives everything in it."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {urlsplit(migrated).path[1:]}")
    async with await open_pool(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")), max_size=6) as opened:
        yield opened
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def open_shop(pool: Pool, clock: TestClock) -> AsyncIterator[OpenShop]:
    """Opens shops; when the test is over, their books must balance."""
    committers: list[Committer] = []

    async def opened(on: Pool = pool) -> Shop:
        shop = await new_shop(on, clock)
        committers.append(shop.committer)
        return shop

    async with balanced(pool):
        yield opened
        for committer in committers:
            await committer.close()


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()


@pytest.fixture
async def past(own_pool: Pool, open_shop: OpenShop, tmp_path: Path) -> Past:
    """A shop with a month behind it, in a database of its own: whoever archives, archives all books."""
    shop = await open_shop(own_pool)
    prepaid = await shop.funded_buyer("10.00")
    charge = accepted(await shop.pay(prepaid, "4.00", "order-1"))
    accepted(await shop.refund(charge, "1.00"))
    tab = await shop.postpaid_buyer(method=Method.ABT)
    await shop.deposit(tab, "50.00")
    for _ in range(12):
        accepted(await shop.pay(tab, "2.00"))
    accepted(await shop.settle(tab, "10.00"))
    accepted(await shop.write_off(tab, "1.00"))
    card = await shop.sender_token(Method.ABT)
    await shop.deposit(card, "30.00")
    accepted(await shop.pay(card, "7.00"))
    shop.clock.forward(days=30)
    accepted(await shop.pay(prepaid, "0.50"))
    return Past(shop, tmp_path / "archive", prepaid, tab, card, charge)
