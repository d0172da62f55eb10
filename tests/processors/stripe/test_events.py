"""Events in Stripe's documented shapes, through Stripe's own check of the signature."""

from __future__ import annotations

import json
import time

import pytest
from tests.support.stripe.events import WEBHOOK_SECRET, event, signature
from tests.support.stripe.forms import Json

from tallystick.processors.rail import HintKind, RailEventRefusedError, RailHint
from tallystick.processors.stripe.events import TOLERANCE_SECONDS, read_event

KEY = "01M8KS6JBH0000000000007S1HNWH9S10K2"

HINTS: list[tuple[str, Json, RailHint]] = [
    (
        "payment_intent.succeeded",
        {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "metadata": {"tallystick_key": KEY}},
        RailHint("evt_1", HintKind.ORDER, "pi_1", KEY),
    ),
    (
        "payment_intent.payment_failed",
        {"id": "pi_1", "object": "payment_intent", "status": "requires_payment_method", "metadata": {}},
        RailHint("evt_1", HintKind.ORDER, "pi_1"),
    ),
    (
        "charge.refunded",
        {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"tallystick_key": KEY}},
        RailHint("evt_1", HintKind.ORDER, "pi_1", KEY),
    ),
    (
        "charge.succeeded",
        {"id": "ch_1", "object": "charge", "payment_intent": None, "metadata": {}},
        RailHint("evt_1", HintKind.OTHER, "ch_1"),
    ),
    (
        "refund.failed",
        {"id": "re_1", "object": "refund", "status": "failed", "metadata": {"tallystick_key": f"{KEY}.refund"}},
        RailHint("evt_1", HintKind.REFUND, "re_1", f"{KEY}.refund"),
    ),
    (
        "checkout.session.completed",
        {"id": "cs_1", "object": "checkout.session", "mode": "setup", "metadata": {"tallystick_buyer": "9"}},
        RailHint("evt_1", HintKind.SETUP, "cs_1"),
    ),
    (
        "payment_method.automatically_updated",
        {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "type": "card", "metadata": {}},
        RailHint("evt_1", HintKind.METHOD, "cus_1/pm_1"),
    ),
    (
        "payment_method.attached",
        {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "type": "card", "metadata": {}},
        RailHint("evt_1", HintKind.OTHER, "pm_1"),
    ),
    (
        "charge.dispute.created",
        {"id": "du_1", "object": "dispute", "charge": "ch_1", "payment_intent": "pi_1", "metadata": {}},
        RailHint("evt_1", HintKind.DISPUTE, "du_1"),
    ),
    (
        "payout.failed",
        {"id": "po_1", "object": "payout", "metadata": {}},
        RailHint("evt_1", HintKind.PAYOUT, "po_1"),
    ),
    (
        "balance.available",
        {"object": "balance", "available": []},
        RailHint("evt_1", HintKind.OTHER, ""),
    ),
]


@pytest.mark.parametrize(("kind", "about", "hint"), HINTS, ids=[kind for kind, _, _ in HINTS])
def test_what_an_event_is_about(kind: str, about: Json, hint: RailHint) -> None:
    sent = event(kind, about, event_id="evt_1")

    assert read_event(sent.headers, sent.body, WEBHOOK_SECRET) == hint


def test_an_event_that_stripe_did_not_send_is_refused() -> None:
    sent = event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent", "metadata": {}})
    forged = sent.body.replace(b"pi_1", b"pi_2")
    wrong = signature(sent.body, int(time.time()), "whsec_of_somebody_else")

    for headers, body in [
        (sent.headers, forged),
        ({"stripe-signature": wrong}, sent.body),
        ({"stripe-signature": "t=1,v1="}, sent.body),
        ({"stripe-signature": ""}, sent.body),
        ({}, sent.body),
    ]:
        with pytest.raises(RailEventRefusedError):
            read_event(headers, body, WEBHOOK_SECRET)
    with pytest.raises(RailEventRefusedError, match="no secret"):
        read_event(sent.headers, sent.body, None)


def test_an_event_that_was_recorded_cannot_be_sent_again_later() -> None:
    about = {"id": "pi_1", "object": "payment_intent", "metadata": {}}
    late = event("payment_intent.succeeded", about, sent_at=int(time.time()) - TOLERANCE_SECONDS - 60)

    with pytest.raises(RailEventRefusedError, match="tolerance"):
        read_event(late.headers, late.body, WEBHOOK_SECRET)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b"\xff\xfe",
        json.dumps({"object": "event"}).encode(),
        json.dumps({"id": "evt_1", "object": "event", "type": "x", "data": {"object": {}}}).encode(),
        json.dumps({"id": "evt_1", "object": "event", "type": "x", "data": None}).encode(),
        json.dumps({"id": "evt_1", "object": "v2.core.event", "type": "x"}).encode(),
    ],
)
def test_what_is_signed_but_no_event_is_refused(body: bytes) -> None:
    headers = {"stripe-signature": signature(body, int(time.time()))}

    with pytest.raises(RailEventRefusedError):
        read_event(headers, body, WEBHOOK_SECRET)
