"""Charges and holds at a fake Stripe, whose answers are lost in every way that there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stripe
from tests.support.stripe.fake import CONFIRMED, DECLINED, VISA, FakeStripe, utc_now
from tests.support.stripe.faults import Fault
from tests.support.stripe.orders import after, first
from tests.support.stripe.shapes import fee_of

from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.rail import RailOrder, RequiresAction, StillPending, Unknown
from tallystick.processors.stripe.answers import StateError
from tallystick.processors.stripe.rail import StripeRail

LOST = [Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER, Fault.TOO_MANY, Fault.UNAVAILABLE]
"""After each of them nobody knows, and the same order is asked for again."""

LONG_AGO = timedelta(hours=30)


async def charges_of(fake: FakeStripe, order: RailOrder) -> list[dict[str, object]]:
    """The intents that the order's customer has at Stripe, by hand or not."""
    customer = order.rail_token.partition("/")[0]
    return [intent for intent in await fake.held() if intent["customer"] == customer]


async def test_a_charge_is_paid_with_reference_and_fee_and_says_whose_it_is(fake: FakeStripe, rail: StripeRail) -> None:
    order = first(utc_now(), await fake.saved_card(), "12.34")

    answer = await rail.perform(order)

    [intent] = await charges_of(fake, order)
    assert answer == Paid(str(intent["id"]), fee_of(1_234) * MICROS_PER_MINOR_UNIT)
    assert intent["amount_received"] == 1_234
    assert intent["metadata"] == {
        "tallystick_key": order.idempotency_key,
        "tallystick_transaction": order.transaction_id,
        "tallystick_book": "7",
    }


@pytest.mark.parametrize("fault", LOST)
async def test_a_charge_whose_answer_is_lost_is_asked_for_again_and_made_once(
    fake: FakeStripe, rail: StripeRail, fault: Fault
) -> None:
    order = first(utc_now(), await fake.saved_card())
    fake.proxy.faults.plan(fault)

    with pytest.raises(stripe.StripeError):
        await rail.perform(order)
    answer = await rail.perform(order)

    [intent] = await charges_of(fake, order)
    assert isinstance(answer, Paid)
    assert answer.reference == intent["id"]


async def test_an_error_that_stripe_remembers_for_the_key_hides_no_charge(fake: FakeStripe, rail: StripeRail) -> None:
    order = first(utc_now(), await fake.saved_card())
    fake.proxy.faults.plan(Fault.BROKEN)

    answer = await rail.perform(order)
    again = await rail.perform(order)

    [intent] = await charges_of(fake, order)
    assert isinstance(answer, Paid)
    assert answer.reference == intent["id"]
    assert again == answer


async def test_the_same_key_with_another_amount_finds_the_charge_and_makes_none(
    fake: FakeStripe, rail: StripeRail
) -> None:
    token = await fake.saved_card()
    order = first(utc_now(), token, "12.00")
    await rail.perform(order)

    with pytest.raises(StateError, match="is for 12000000 micro-units, not 13000000"):
        await rail.perform(
            RailOrder(order.idempotency_key, RailOperation.CHARGE, order.amount_micros + 1_000_000, token)
        )

    assert len(await charges_of(fake, order)) == 1


async def test_a_charge_is_found_by_reference_and_by_our_key_after_the_keys_are_forgotten(
    fake: FakeStripe, rail: StripeRail
) -> None:
    order = first(utc_now(), await fake.saved_card())
    fake.proxy.faults.plan(Fault.DROPPED_AFTER)
    with pytest.raises(stripe.StripeError):
        await rail.perform(order)
    fake.proxy.forget_keys()

    recent = await rail.look_again(None, order.idempotency_key, utc_now())
    old = await rail.look_again(None, order.idempotency_key, utc_now() - LONG_AGO)
    assert isinstance(recent, Paid)
    named = await rail.look_again(recent.reference, order.idempotency_key, utc_now() - LONG_AGO)

    assert recent == old == named
    assert len(await charges_of(fake, order)) == 1


async def test_what_never_came_is_unknown_and_looking_makes_nothing(fake: FakeStripe, rail: StripeRail) -> None:
    order = first(utc_now(), await fake.saved_card())
    fake.proxy.faults.plan(Fault.DROPPED_BEFORE)
    with pytest.raises(stripe.StripeError):
        await rail.perform(order)

    assert await rail.look_again(None, order.idempotency_key, utc_now()) == Unknown()
    assert await rail.look_again(None, order.idempotency_key, utc_now() - LONG_AGO) == Unknown()
    assert await rail.look_again("pi_never", order.idempotency_key, utc_now()) == Unknown()
    assert await charges_of(fake, order) == []


async def test_a_decline_says_why_and_stays_the_same(fake: FakeStripe, rail: StripeRail) -> None:
    order = first(utc_now(), await fake.saved_card(DECLINED))

    answer = await rail.perform(order)
    again = await rail.perform(order)
    looked = await rail.look_again(None, order.idempotency_key, utc_now())

    [intent] = await charges_of(fake, order)
    assert isinstance(answer, Declined)
    assert (answer.code, answer.hard, answer.reference) == ("generic_decline", False, intent["id"])
    assert answer == again == looked


async def test_a_card_that_was_deleted_at_stripe_is_declined_for_good(fake: FakeStripe, rail: StripeRail) -> None:
    token = await fake.saved_card()
    customer = token.partition("/")[0]

    answer = await rail.perform(first(utc_now(), f"{customer}/pm_deleted"))

    assert isinstance(answer, Declined)
    assert answer.hard


async def test_an_amount_below_the_least_is_declined(fake: FakeStripe, rail: StripeRail) -> None:
    answer = await rail.perform(first(utc_now(), await fake.saved_card(), "0.49"))

    assert isinstance(answer, Declined)
    assert (answer.code, answer.hard) == ("amount_too_small", False)


async def test_where_the_buyer_has_to_confirm_nothing_can_be_taken_later(fake: FakeStripe, rail: StripeRail) -> None:
    order = first(utc_now(), await fake.saved_card(CONFIRMED))

    answer = await rail.perform(order)
    again = await rail.perform(order)
    looked = await rail.look_again(None, order.idempotency_key, utc_now())

    [intent] = await charges_of(fake, order)
    assert answer == RequiresAction(None, str(intent["id"]))
    assert answer == again == looked
    assert intent["status"] == "canceled"


async def test_a_debit_on_its_way_is_pending_until_it_arrives_or_fails(fake: FakeStripe, rail: StripeRail) -> None:
    """The states of a bank debit, which the fake does not have: its intents are shown in them."""
    order = first(utc_now(), await fake.saved_card())
    paid = await rail.perform(order)
    assert isinstance(paid, Paid)
    assert paid.reference is not None
    overlays = fake.proxy.shapes.overlays

    overlays[paid.reference] = {"status": "processing", "amount_received": 0}
    on_its_way = await rail.look_again(paid.reference, order.idempotency_key, utc_now())
    overlays[paid.reference] = {
        "status": "requires_payment_method",
        "amount_received": 0,
        "last_payment_error": {"type": "card_error", "code": "payment_method_failed", "decline_code": "account_closed"},
    }
    failed = await rail.look_again(paid.reference, order.idempotency_key, utc_now())
    del overlays[paid.reference]

    assert isinstance(on_its_way, StillPending)
    assert on_its_way.reference == paid.reference
    assert isinstance(failed, Declined)
    assert (failed.code, failed.hard) == ("account_closed", True)


@pytest.mark.parametrize("fault", [None, *LOST, Fault.BROKEN])
@pytest.mark.parametrize("with_reference", [True, False])
async def test_a_hold_is_captured_in_part_once(
    fake: FakeStripe, rail: StripeRail, fault: Fault | None, *, with_reference: bool
) -> None:
    hold = first(utc_now(), await fake.saved_card(), "20.00", RailOperation.AUTHORIZE)
    held = await rail.perform(hold)
    assert isinstance(held, Paid)
    order = after(hold, RailOperation.CAPTURE, "7.50", held.reference if with_reference else None)
    if fault is not None:
        fake.proxy.faults.plan(fault)

    try:
        answer = await rail.perform(order)
    except stripe.StripeError:
        assert fault in LOST
        answer = await rail.perform(order)
    again = await rail.perform(order)
    looked = await rail.look_again(None, order.idempotency_key, utc_now() - LONG_AGO)

    [intent] = await charges_of(fake, hold)
    assert answer == again == looked == Paid(held.reference, fee_of(750) * MICROS_PER_MINOR_UNIT)
    assert (intent["amount"], intent["amount_received"], intent["status"]) == (2_000, 750, "succeeded")


@pytest.mark.parametrize("fault", [None, *LOST, Fault.BROKEN])
async def test_a_hold_is_given_up_once(fake: FakeStripe, rail: StripeRail, fault: Fault | None) -> None:
    hold = first(utc_now(), await fake.saved_card(), "20.00", RailOperation.AUTHORIZE)
    held = await rail.perform(hold)
    assert isinstance(held, Paid)
    order = after(hold, RailOperation.VOID, "20.00", held.reference)
    if fault is not None:
        fake.proxy.faults.plan(fault)

    try:
        answer = await rail.perform(order)
    except stripe.StripeError:
        assert fault in LOST
        answer = await rail.perform(order)

    [intent] = await charges_of(fake, hold)
    assert answer == await rail.perform(order) == Paid(held.reference)
    assert intent["status"] == "canceled"


async def test_a_hold_that_stripe_has_released_cannot_be_captured(fake: FakeStripe, rail: StripeRail) -> None:
    hold = first(utc_now(), await fake.saved_card(), "20.00", RailOperation.AUTHORIZE)
    held = await rail.perform(hold)
    assert isinstance(held, Paid)
    await fake.proxy.in_the_dashboard(f"/v1/payment_intents/{held.reference}/cancel", "")

    answer = await rail.perform(after(hold, RailOperation.CAPTURE, "20.00", held.reference))

    assert isinstance(answer, Declined)
    assert (answer.code, answer.reference) == ("canceled", held.reference)


async def test_a_hold_that_was_captured_by_hand_for_another_amount_is_for_people(
    fake: FakeStripe, rail: StripeRail
) -> None:
    hold = first(utc_now(), await fake.saved_card(), "20.00", RailOperation.AUTHORIZE)
    held = await rail.perform(hold)
    assert isinstance(held, Paid)
    path = f"/v1/payment_intents/{held.reference}/capture"
    await fake.proxy.in_the_dashboard(path, "amount_to_capture=500")

    with pytest.raises(StateError, match="captured for 5000000 micro-units, not 20000000"):
        await rail.perform(after(hold, RailOperation.CAPTURE, "20.00", held.reference))
    with pytest.raises(StateError, match="refund it at Stripe"):
        await rail.perform(after(hold, RailOperation.VOID, "20.00", held.reference))


async def test_a_token_of_another_rail_is_not_charged(rail: StripeRail) -> None:
    with pytest.raises(ValueError, match="was not set up at Stripe"):
        await rail.perform(first(utc_now(), VISA))
