"""One fake Stripe for all tests of a worker; each test has customers and orders of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.support.stripe.events import WEBHOOK_SECRET
from tests.support.stripe.fake import FakeStripe, fake_stripe, utc_now

from tallystick.processors.stripe.gateway import StripeKeys
from tallystick.processors.stripe.rail import StripeRail


@pytest.fixture(scope="session")
async def shared_fake() -> AsyncIterator[FakeStripe]:
    async with fake_stripe() as fake:
        yield fake


@pytest.fixture
async def fake(shared_fake: FakeStripe) -> AsyncIterator[FakeStripe]:
    """With no faults but those that a test plans, all of which must happen."""
    yield shared_fake
    left = list(shared_fake.proxy.faults.planned)
    shared_fake.proxy.faults.planned.clear()
    assert not left


@pytest.fixture
async def rail(fake: FakeStripe) -> AsyncIterator[StripeRail]:
    rail = StripeRail(StripeKeys("sk_test_of_the_tests", WEBHOOK_SECRET, fake.url), utc_now)
    yield rail
    await rail.close()
