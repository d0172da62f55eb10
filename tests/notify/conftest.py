"""Shops on a database of this directory's own: a worker here finds only what these tests wrote."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.notify.post_office import PostOffice
from tests.notify.receivers import Receiver, receiver
from tests.store.shop import OpenShop, Shop
from tests.support.balanced import all_balanced
from tests.support.clock import TestClock

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate
from tallystick.domain.ids import PartyId
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger import create_book
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules


@pytest.fixture(scope="session")
async def notify_url(make_database: MakeDatabase) -> str:
    url = await make_database()
    await migrate(url)
    return url


@pytest.fixture(scope="session")
async def notify_pool(notify_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(notify_url, max_size=10) as opened, all_balanced(opened):
        yield opened


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def open_shop(notify_pool: Pool, clock: TestClock) -> OpenShop:
    await notify_pool.execute("UPDATE outbox SET state = 'unwanted' WHERE state = 'waiting'")  # of earlier tests

    async def opened() -> Shop:
        committer = Committer(notify_pool, Rules(read_fee_schedules(None), simulate_faults=False), clock)
        async with notify_pool.acquire() as connection:
            party_id = await connection.fetchval(
                "INSERT INTO party (kind, email, name, created_at) VALUES ('business', $1, 'Music Shop', $2)"
                " RETURNING party_id",
                f"{secrets.token_hex(8)}@shop.example",
                clock(),
            )
            book_id = await create_book.create_seller_book(connection, party_id, "sandbox", clock())
            operator = await create_book.operator_book(connection, "sandbox", clock())
        return Shop(notify_pool, committer, clock, PartyId(party_id), book_id, operator)

    return opened


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()


@pytest.fixture
async def office(shop: Shop) -> PostOffice:
    return PostOffice(shop)


@pytest.fixture
async def seller() -> AsyncIterator[Receiver]:
    """A receiver that behaves."""
    async with receiver() as opened:
        yield opened
