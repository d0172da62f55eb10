from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.stories.pages.serving import for_one_test, running
from tests.stories.pages.world import Seller, World
from tests.support.balanced import all_balanced
from tests.support.pools import shared_pool


@pytest.fixture(scope="session")
async def pages(make_migrated: MakeDatabase) -> AsyncIterator[World]:
    """On a database of its own, so that its worker finds only its work."""
    url = await make_migrated()
    async with shared_pool(url) as pool, all_balanced(pool), running(pool) as world:
        yield world


@pytest.fixture
async def world(pages: World) -> AsyncIterator[World]:
    """The running service; when the test is over, its books must balance."""
    async with for_one_test(pages) as fresh:
        yield fresh


@pytest.fixture
async def seller(world: World) -> Seller:
    return await world.seller()
