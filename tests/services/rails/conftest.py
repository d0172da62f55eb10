"""One service for all that is reconciled; each test has a day and a seller of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conftest import MakeDatabase
from tests.services.rails.reconciling import Desk
from tests.support.books import new_seller
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY

from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.services.rails import operator_books
from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import open_service


@pytest.fixture(scope="session")
async def opened(
    make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, TestClock]]:
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"),
        database_url=await make_migrated(),
        master_key=MASTER_KEY,
        rail_delay_ms=0,
    )
    clock = TestClock()
    async with open_service(settings, clock) as service:
        await operator_books.split(service, Actor.command("a test"), "sandbox", 2)
        yield service, clock


@pytest.fixture
async def desk(opened: tuple[Service, TestClock]) -> AsyncIterator[Desk]:
    service, clock = opened
    clock.forward(days=60)  # beyond what an earlier test has left
    _, _, books = await new_seller(service, clock)
    yield Desk(service, books, clock)
    report = await verify(service.pool)
    assert report.problems == []
