"""The contract of rails, kept by the Stripe rail at a fake Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import stripe
from tests.processors.contract import CardKind, RailContract, Stage
from tests.support.stripe.events import event
from tests.support.stripe.fake import CONFIRMED, DECLINED, VISA, FakeStripe, utc_now
from tests.support.stripe.faults import Fault

from tallystick.domain.commands import Method
from tallystick.processors.rail import (
    HintKind,
    PaymentMethodFound,
    RailHint,
    RailOrder,
    RequiresAction,
    SetupRequest,
)
from tallystick.processors.stripe.rail import StripeRail

NUMBERS = {
    CardKind.PAYS: VISA,
    CardKind.NO_FUNDS: DECLINED,
    CardKind.STOLEN: DECLINED,
    CardKind.REQUIRES_ACTION: CONFIRMED,
}
OBJECTS = {HintKind.ORDER: "payment_intent", HintKind.REFUND: "refund"}


class StripeStage(Stage):
    """Stripe's clock is the machine's, and nothing at the fake takes time."""

    def __init__(self, fake: FakeStripe, rail: StripeRail) -> None:
        self.fake = fake
        self.rail: StripeRail = rail

    def now(self) -> datetime:
        return utc_now()

    async def wait(self, pause: timedelta) -> None:
        assert pause > timedelta(0)

    async def card(self, kind: CardKind) -> str:
        return await self.fake.saved_card(NUMBERS[kind], kind.value)

    async def perform_unheard(self, order: RailOrder) -> None:
        self.fake.proxy.faults.plan(Fault.DROPPED_AFTER)
        with pytest.raises(stripe.APIConnectionError):
            await self.rail.perform(order)

    async def complete_setup(self, url: str) -> None:
        assert await self.fake.fill_in(url.rpartition("/")[2], VISA) == "https://service.example/back"

    async def abandon_setup(self, url: str) -> None:
        self.fake.leave(url.rpartition("/")[2])

    async def confirm(self, asked: RequiresAction, rail_token: str) -> str:
        """The same card is set up once more, at Checkout, which lets the bank ask its owner."""
        assert asked.url is None
        key = f"{asked.reference}.again"
        started = await self.rail.begin_setup(SetupRequest(Method.CC, "https://a/", "https://a/", "buyer", key))
        await self.fake.fill_in(started.reference, VISA)
        found = await self.rail.finish_setup(started.reference)
        assert isinstance(found, PaymentMethodFound)
        assert found.rail_token != rail_token
        return found.rail_token

    def event(self, hint: RailHint) -> tuple[Mapping[str, str], bytes]:
        about = {
            "id": hint.reference,
            "object": OBJECTS[hint.object_kind],
            "metadata": {"tallystick_key": hint.idempotency_key},
        }
        sent = event("something.happened", about, event_id=hint.event_id)
        return sent.headers, sent.body


@pytest.fixture
def stage(fake: FakeStripe, rail: StripeRail) -> StripeStage:
    return StripeStage(fake, rail)


class TestStripeRail(RailContract):
    """All of it."""
