"""Refunds at a fake Stripe: in parts, lost, late, and beside those that somebody makes by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stripe
from tests.support.stripe.fake import FakeStripe, utc_now
from tests.support.stripe.faults import Fault
from tests.support.stripe.orders import after, first

from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.rail import RailOrder, StillPending, Unknown
from tallystick.processors.stripe.rail import StripeRail

LOST = [Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER, Fault.TOO_MANY, Fault.UNAVAILABLE]


async def charged(fake: FakeStripe, rail: StripeRail, amount: str = "12.00") -> tuple[RailOrder, str]:
    """A charge and Stripe's name of it."""
    order = first(utc_now(), await fake.saved_card(), amount)
    answer = await rail.perform(order)
    assert isinstance(answer, Paid)
    assert answer.reference is not None
    return order, answer.reference


async def refunded(fake: FakeStripe, intent: str) -> list[int]:
    """The amounts of all refunds of a charge, in cents."""
    refunds = [refund for refund, of in fake.proxy.refunds.items() if of == intent]
    return [(await fake.proxy.object("refund", refund))["amount"] for refund in refunds]


@pytest.mark.parametrize("fault", [None, *LOST, Fault.BROKEN])
async def test_parts_are_given_back_each_once(fake: FakeStripe, rail: StripeRail, fault: Fault | None) -> None:
    order, intent = await charged(fake, rail)
    part = after(order, RailOperation.REFUND, "5.00", intent, utc_now())
    rest = after(order, RailOperation.REFUND, "7.00", None, utc_now())
    if fault is not None:
        fake.proxy.faults.plan(fault)

    try:
        answer = await rail.perform(part)
    except stripe.StripeError:
        assert fault in LOST
        answer = await rail.perform(part)
    again = await rail.perform(part)
    looked = await rail.look_again(None, part.idempotency_key, utc_now() - timedelta(hours=1))
    last = await rail.perform(rest)

    assert isinstance(answer, Paid)
    assert answer.reference is not None
    assert answer.reference.startswith("re_")
    assert answer == again == looked == await rail.look_again(answer.reference, part.idempotency_key, utc_now())
    assert isinstance(last, Paid)
    assert await refunded(fake, intent) == [500, 700]


async def test_what_was_given_back_by_hand_is_not_given_back_again(fake: FakeStripe, rail: StripeRail) -> None:
    order, intent = await charged(fake, rail)
    await fake.refund_by_hand(intent, 1_000)

    too_much = await rail.perform(after(order, RailOperation.REFUND, "5.00", intent, utc_now()))
    the_rest = await rail.perform(after(order, RailOperation.REFUND, "2.00", intent, utc_now()))
    nothing_left = await rail.perform(after(order, RailOperation.REFUND, "0.01", intent, utc_now()))

    assert isinstance(too_much, Declined)
    assert isinstance(the_rest, Paid)
    assert isinstance(nothing_left, Declined)
    assert await refunded(fake, intent) == [1_000, 200]


async def test_a_refund_that_is_on_its_way_may_fail_late(fake: FakeStripe, rail: StripeRail) -> None:
    """The states that the fake does not have: its refunds are shown in them."""
    order, intent = await charged(fake, rail)
    back = after(order, RailOperation.REFUND, "12.00", intent, utc_now())
    done = await rail.perform(back)
    assert isinstance(done, Paid)
    assert done.reference is not None
    overlays = fake.proxy.shapes.overlays

    overlays[done.reference] = {"status": "pending"}
    on_its_way = await rail.look_again(None, back.idempotency_key, utc_now())
    overlays[done.reference] = {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    failed = await rail.look_again(done.reference, back.idempotency_key, utc_now())
    del overlays[done.reference]

    assert isinstance(on_its_way, StillPending)
    assert on_its_way.reference == done.reference
    assert isinstance(failed, Declined)
    assert (failed.code, failed.reference) == ("lost_or_stolen_card", done.reference)


async def test_a_refund_that_never_came_is_unknown(fake: FakeStripe, rail: StripeRail) -> None:
    order, intent = await charged(fake, rail)
    back = after(order, RailOperation.REFUND, "12.00", intent, utc_now())

    assert await rail.look_again(None, back.idempotency_key, utc_now()) == Unknown()
    assert await rail.look_again("re_never", back.idempotency_key, utc_now()) == Unknown()
    assert await refunded(fake, intent) == []


async def test_what_came_too_late_is_given_back(fake: FakeStripe, rail: StripeRail) -> None:
    order, intent = await charged(fake, rail)
    back = after(order, RailOperation.RETURN, "12.00", intent)

    answer = await rail.perform(back)
    again = await rail.perform(back)

    assert isinstance(answer, Paid)
    assert answer == again == await rail.look_again(None, back.idempotency_key, utc_now())
    assert await refunded(fake, intent) == [1_200]


async def test_a_hold_that_came_too_late_is_released(fake: FakeStripe, rail: StripeRail) -> None:
    hold = first(utc_now(), await fake.saved_card(), "20.00", RailOperation.AUTHORIZE)
    held = await rail.perform(hold)
    assert isinstance(held, Paid)
    assert held.reference is not None
    back = after(hold, RailOperation.RETURN, "20.00", held.reference)

    answer = await rail.perform(back)
    again = await rail.perform(back)

    assert answer == again == Paid(held.reference)
    assert answer == await rail.look_again(held.reference, back.idempotency_key, utc_now())
    assert (await fake.proxy.object("payment_intent", held.reference))["status"] == "canceled"
