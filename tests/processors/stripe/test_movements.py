"""What moved at Stripe: what the fake holds, and the types that it does not have in Stripe's documented shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import stripe
from tests.support.stripe.fake import FakeStripe, utc_now
from tests.support.stripe.forms import Json
from tests.support.stripe.orders import after, first
from tests.support.stripe.shapes import fee_of

from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.domain.rails.commands import Paid, RailOperation
from tallystick.processors.rail import MovementKind
from tallystick.processors.stripe.movements import movement
from tallystick.processors.stripe.rail import StripeRail


async def test_all_that_moved_is_listed_with_whose_it_is(fake: FakeStripe, rail: StripeRail) -> None:
    token = await fake.saved_card()
    since = utc_now() - timedelta(minutes=1)
    order = first(utc_now(), token, "12.00")
    hold = first(utc_now(), token, "20.00", RailOperation.AUTHORIZE)
    charge, held = await rail.perform(order), await rail.perform(hold)
    assert isinstance(charge, Paid)
    assert isinstance(held, Paid)
    back = after(order, RailOperation.REFUND, "5.00", charge.reference, utc_now())
    refund = await rail.perform(back)
    await rail.perform(after(hold, RailOperation.CAPTURE, "7.50", held.reference))
    by_hand = await fake.by_hand(token, 300)
    refund_by_hand = await fake.refund_by_hand(by_hand, 100)
    assert isinstance(refund, Paid)

    until = utc_now() + timedelta(minutes=1)
    moved = [one async for one in rail.list_movements(since, until)]
    told = {one.reference: one for one in moved}

    mine = {
        charge.reference: (MovementKind.CHARGE, 1_200, fee_of(1_200), order.idempotency_key),
        held.reference: (MovementKind.CHARGE, 750, fee_of(750), hold.idempotency_key),
        refund.reference: (MovementKind.REFUND, -500, 0, back.idempotency_key),
        by_hand: (MovementKind.CHARGE, 300, fee_of(300), None),
        refund_by_hand: (MovementKind.REFUND, -100, 0, None),
    }
    for reference, (kind, cents, fee, key) in mine.items():
        one = told[reference]
        assert (one.kind, one.amount_micros, one.fee_micros, one.idempotency_key, one.currency) == (
            kind,
            cents * MICROS_PER_MINOR_UNIT,
            fee * MICROS_PER_MINOR_UNIT,
            key,
            "USD",
        )
        assert since <= one.moment < until
    assert told[refund.reference].charge_reference == charge.reference
    assert told[refund_by_hand].charge_reference == by_hand
    assert len({one.movement_id for one in moved}) == len(moved)
    assert [one async for one in rail.list_movements(until, until + timedelta(days=1))] == []


@pytest.mark.parametrize(
    ("kind", "source", "expected", "reference"),
    [
        ("payment", {"id": "py_1", "object": "charge", "payment_intent": "pi_1"}, MovementKind.CHARGE, "pi_1"),
        ("charge", {"id": "ch_1", "object": "charge", "payment_intent": None}, MovementKind.CHARGE, "ch_1"),
        ("payment_failure_refund", {"id": "pyr_1", "object": "refund"}, MovementKind.REFUND, "pyr_1"),
        ("refund_failure", {"id": "re_1", "object": "refund"}, MovementKind.REFUND, "re_1"),
        ("adjustment", {"id": "du_1", "object": "dispute", "charge": "ch_1"}, MovementKind.DISPUTE, "du_1"),
        ("adjustment", None, MovementKind.ADJUSTMENT, None),
        ("stripe_fee", None, MovementKind.FEE, None),
        ("payout", {"id": "po_1", "object": "payout"}, MovementKind.PAYOUT, "po_1"),
        ("payout_failure", {"id": "po_1", "object": "payout"}, MovementKind.PAYOUT, "po_1"),
        ("reserve_hold", None, MovementKind.ADJUSTMENT, None),
        ("something_new", "xx_1", MovementKind.ADJUSTMENT, "xx_1"),
    ],
)
def test_why_the_balance_changed(
    kind: str, source: Json | str | None, expected: MovementKind, reference: str | None
) -> None:
    """In the shapes of https://docs.stripe.com/api/balance_transactions/object."""
    metadata: Json = {"metadata": {}} if isinstance(source, dict) else {}
    values = {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": -1_500,
        "fee": 1_500,
        "currency": "usd",
        "created": 1_800_000_000,
        "type": kind,
        "source": source | metadata if isinstance(source, dict) else source,
    }

    one = movement(stripe.BalanceTransaction.construct_from(values, "sk_test_1"))

    assert (one.kind, one.reference, one.idempotency_key) == (expected, reference, None)
    assert (one.amount_micros, one.fee_micros) == (-15_000_000, 15_000_000)
    assert one.moment == datetime.fromtimestamp(1_800_000_000, UTC)
