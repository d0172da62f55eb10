from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.stories.cobranded.world import Seller, World, running

from tallystick.ledger.connections import Pool
from tallystick.ledger.verify import verify


@pytest.fixture(scope="session")
async def pages(pool: Pool) -> AsyncIterator[World]:
    async with running(pool) as world:
        yield world


@pytest.fixture
async def world(pages: World) -> AsyncIterator[World]:
    """The running service; when the test is over, the books must balance."""
    pages.clock.ahead = timedelta(0)
    yield pages
    pages.clock.ahead = timedelta(0)
    assert (await verify(pages.pool)).problems == []


@pytest.fixture
async def seller(world: World) -> Seller:
    return await world.seller()
