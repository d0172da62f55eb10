from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.stories.pages.world import Seller
from tests.support.stripe.world import StripeWorld, stripe_world


@pytest.fixture(scope="module")
async def running(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StripeWorld]:
    async with stripe_world(await make_migrated(), tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture
async def seller(running: StripeWorld) -> Seller:
    return await running.world.seller()
