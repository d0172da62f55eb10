"""Shops on the shared database; after each test the books must balance."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.ledger.shop import OpenShop, Shop, TestClock

from tallystick.actions.fee_schedules import read_fee_schedules
from tallystick.domain.ids import PartyId
from tallystick.ledger import opening
from tallystick.ledger.committer import Committer
from tallystick.ledger.connections import Pool
from tallystick.ledger.database import open_pool
from tallystick.ledger.migrate import migrate
from tallystick.ledger.rules import Rules
from tallystick.ledger.verify import verify


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def own_pool(make_database: MakeDatabase) -> AsyncIterator[Pool]:
    """A migrated database for one test alone: one that spoils it, fills it, or counts everything in it."""
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=6) as opened:
        yield opened


@pytest.fixture
async def open_shop(pool: Pool, clock: TestClock) -> AsyncIterator[OpenShop]:
    """Opens shops; when the test is over, the books must balance."""
    committers: list[Committer] = []

    async def opened(on: Pool = pool) -> Shop:
        committer = Committer(on, Rules(read_fee_schedules(None), simulate_faults=False), clock)
        committers.append(committer)
        async with on.acquire() as connection:
            party_id = await connection.fetchval(
                "INSERT INTO party (kind, email, name, created_at) VALUES ('business', $1, 'Music Shop', $2)"
                " RETURNING party_id",
                f"{secrets.token_hex(8)}@shop.example",
                clock(),
            )
            book_id = await opening.open_seller_book(connection, party_id, "sandbox", clock())
            operator = await opening.operator_book(connection, "sandbox", clock())
        return Shop(on, committer, clock, PartyId(party_id), book_id, operator)

    yield opened
    for committer in committers:
        await committer.close()
    assert (await verify(pool)).problems == []


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()
