"""Disputes in the shape in which Stripe documents them; the fake has none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from tests.support.stripe.forms import Json

from tallystick.processors.rail import DisputeFound, DisputeStatus
from tallystick.processors.stripe.disputes import read_dispute

KEY = "01M8KS6JBH0000000000007S1HNWH9S10K2"
DUE = 1_800_000_000


def dispute(**changes: Any) -> stripe.Dispute:  # noqa: ANN401 - whatever a field holds
    values: Json = {
        "id": "du_1",
        "object": "dispute",
        "amount": 1_200,
        "currency": "usd",
        "status": "needs_response",
        "reason": "fraudulent",
        "payment_intent": "pi_1",
        "charge": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"tallystick_key": KEY}},
        "balance_transactions": [taken(-1_200, 1_500)],
        "evidence_details": {"due_by": DUE, "has_evidence": False, "past_due": False, "submission_count": 0},
    }
    return stripe.Dispute.construct_from(values | changes, "sk_test_1")


def taken(amount: int, fee: int, currency: str = "usd") -> Json:
    values: Json = {"id": f"txn_{amount}", "object": "balance_transaction", "type": "adjustment"}
    return values | {"amount": amount, "fee": fee, "currency": currency}


def test_a_dispute_names_its_charge_as_answers_do() -> None:
    assert read_dispute(dispute()) == DisputeFound(
        reference="du_1",
        charge_reference="pi_1",
        status=DisputeStatus.EVIDENCE_DUE,
        amount_micros=12_000_000,
        fee_micros=15_000_000,
        currency="USD",
        due_at=datetime.fromtimestamp(DUE, UTC),
        idempotency_key=KEY,
    )


def test_a_charge_that_was_made_by_hand_has_no_key_and_perhaps_no_intent() -> None:
    found = read_dispute(dispute(charge="ch_1", payment_intent=None, evidence_details={"due_by": 0}))

    assert (found.charge_reference, found.idempotency_key, found.due_at) == ("ch_1", None, None)


def test_the_fee_is_what_stripe_keeps_after_all() -> None:
    won = read_dispute(dispute(status="won", balance_transactions=[taken(-1_200, 1_500), taken(1_200, -1_500)]))
    inquiry = read_dispute(dispute(status="warning_needs_response", balance_transactions=[]))

    assert (won.status, won.fee_micros) == (DisputeStatus.WON, 0)
    assert (inquiry.status, inquiry.fee_micros) == (DisputeStatus.EVIDENCE_DUE, 0)


def test_a_fee_in_another_currency_is_not_booked_as_dollars() -> None:
    settled_in_euros = read_dispute(dispute(balance_transactions=[taken(-1_100, 2_000, "eur")]))

    assert (settled_in_euros.fee_micros, settled_in_euros.amount_micros) == (0, 12_000_000)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("under_review", DisputeStatus.OPENED),
        ("warning_closed", DisputeStatus.WON),
        ("prevented", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("something_new", DisputeStatus.OPENED),
    ],
)
def test_where_a_dispute_stands(status: str, expected: DisputeStatus) -> None:
    assert read_dispute(dispute(status=status)).status is expected
