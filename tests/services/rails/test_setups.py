"""Set-ups whose buyer never comes back and whose event is lost: the worker looks by itself."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from tests.support.books import Books
from tests.support.fake_rail import FakeRail
from tests.support.master_key import VAULT

from tallystick.domain.commands import Method
from tallystick.domain.ids import PartyId
from tallystick.processors.rail import PaymentMethodFound, SetupPending, SetupRequest, SetupResult, SetupStarted
from tallystick.processors.rails import Rails
from tallystick.services.context import Service
from tallystick.services.rails import events, setups
from tallystick.services.rails.setups import KEPT, LOOKED_AFTER
from tallystick.settings import Settings
from tallystick.store.rails import rail_setups


@dataclass
class CheckoutRail(FakeRail):
    """Begins one set-up, and says of it what it is told to say."""

    name = "checkout"
    reference: str = field(default_factory=lambda: f"cs_{secrets.token_hex(8)}")
    result: SetupResult | Exception = field(default_factory=SetupPending)
    asked: int = 0

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        return SetupStarted(f"https://provider.example/{request.idempotency_key}", self.reference)

    async def finish_setup(self, reference: str) -> SetupResult:
        assert reference == self.reference
        self.asked += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def service_with(shop: Books, rail: CheckoutRail) -> Service:
    on = Rails((rail,), {("sandbox", Method.CC): rail.name})
    return Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock, rails=on)


async def begun(shop: Books, rail: CheckoutRail) -> tuple[Service, PartyId]:
    service = service_with(shop, rail)
    buyer = await shop.person()
    await setups.begin(service, buyer, "sandbox", Method.CC, "/somewhere")
    return service, buyer


async def looked(shop: Books, service: Service, reference: str) -> datetime | None:
    """Have the worker look at what is due; when it looks at this set-up again."""
    await events.follow_up(service, service.rails)
    due_at: datetime | None = await shop.pool.fetchval("SELECT due_at FROM rail_event WHERE reference = $1", reference)
    return due_at


async def error_of(shop: Books, reference: str) -> str | None:
    error: str | None = await shop.pool.fetchval("SELECT last_error FROM rail_event WHERE reference = $1", reference)
    return error


async def test_a_card_is_kept_although_nobody_tells_of_it(shop: Books) -> None:
    rail = CheckoutRail()
    service, buyer = await begun(shop, rail)
    await looked(shop, service, rail.reference)
    assert rail.asked == 0, "the buyer has only just gone there"
    rail.result = PaymentMethodFound(secrets.token_hex(8), Method.CC, "Visa", "4242")

    shop.clock.forward(seconds=int(LOOKED_AFTER.total_seconds()))
    assert await looked(shop, service, rail.reference) is None

    kept = await shop.pool.fetch("SELECT last_four, rail FROM payment_method WHERE party_id = $1", buyer)
    assert [tuple(row.values()) for row in kept] == [("4242", "checkout")]
    shop.clock.forward(days=1)
    await looked(shop, service, rail.reference)
    assert rail.asked == 1, "and it is over"


async def test_what_stays_open_is_looked_at_ever_more_rarely_and_not_for_ever(shop: Books) -> None:
    rail = CheckoutRail()
    service, _ = await begun(shop, rail)
    began = shop.clock()
    ages = []
    due_at: datetime | None = began + LOOKED_AFTER
    while due_at is not None and due_at - began < KEPT:
        shop.clock.forward(seconds=int((due_at - shop.clock()).total_seconds()) + 1)
        ages.append(due_at - began)
        due_at = await looked(shop, service, rail.reference)
        assert await error_of(shop, rail.reference) is None, "nothing is wrong"

    assert len(ages) < 15
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(ages))
    await rail_setups.forget(shop.pool, shop.clock())
    asked = rail.asked
    shop.clock.forward(days=30)
    assert await looked(shop, service, rail.reference) is None
    assert rail.asked == asked


async def test_a_rail_that_does_not_answer_is_asked_again_and_shown(shop: Books) -> None:
    rail = CheckoutRail(result=ConnectionError("no answer"))
    service, _ = await begun(shop, rail)
    shop.clock.forward(seconds=int(LOOKED_AFTER.total_seconds()))

    due_at = await looked(shop, service, rail.reference)

    assert due_at is not None
    assert timedelta() < due_at - shop.clock() <= timedelta(hours=1)
    assert "does not say what became of the set-up" in str(await error_of(shop, rail.reference))


@pytest.mark.parametrize("first", ["the worker", "the buyer"])
async def test_whoever_is_first_keeps_it_once(shop: Books, first: str) -> None:
    rail = CheckoutRail(result=PaymentMethodFound(secrets.token_hex(8), Method.CC, "Visa", "4242"))
    service, buyer = await begun(shop, rail)
    setup = await rail_setups.by_reference(shop.pool, rail.name, rail.reference)
    assert setup is not None
    shop.clock.forward(seconds=int(LOOKED_AFTER.total_seconds()))
    if first == "the worker":
        await looked(shop, service, rail.reference)
    back = await setups.come_back(service, buyer, setup.setup_id)
    await looked(shop, service, rail.reference)

    assert back is not None
    assert back.method is not None
    assert replace(back.setup, ended_at=None, payment_method_id=None) == setup
    count = await shop.pool.fetchval("SELECT count(*) FROM payment_method WHERE party_id = $1", buyer)
    assert count == 1
