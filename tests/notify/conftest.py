"""Shops on a database of this directory's own: a worker here finds only what these tests wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.notify.post_office import PostOffice
from tests.notify.receivers import Receiver, receiver
from tests.support.balanced import all_balanced
from tests.support.books import Books, OpenBooks, new_books
from tests.support.clock import TestClock
from tests.support.pools import shared_pool

from tallystick.db.connections import Pool


@pytest.fixture(scope="session")
async def notify_url(make_migrated: MakeDatabase) -> str:
    return await make_migrated()


@pytest.fixture(scope="session")
async def notify_pool(notify_url: str) -> AsyncIterator[Pool]:
    unasked = "simulated_rail_agrees"  # each test sets the rail's answers
    async with shared_pool(notify_url) as opened, all_balanced(opened, without=unasked):
        yield opened


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def open_shop(notify_pool: Pool, clock: TestClock) -> OpenBooks:
    await notify_pool.execute("UPDATE outbox SET state = 'unwanted' WHERE state = 'waiting'")  # of earlier tests

    async def opened() -> Books:
        return await new_books(notify_pool, clock)

    return opened


@pytest.fixture
async def shop(open_shop: OpenBooks) -> Books:
    return await open_shop()


@pytest.fixture
async def office(shop: Books) -> PostOffice:
    return PostOffice(shop)


@pytest.fixture
async def seller() -> AsyncIterator[Receiver]:
    """A receiver that answers 200."""
    async with receiver() as opened:
        yield opened
