"""Events of Stripe's: once, twice, late, in any order, or never; each only has the service look at what there is."""

from __future__ import annotations

import asyncio
import time
from datetime import date

import pytest
from tests.stories.pages.world import Seller
from tests.support.stripe.events import event, signature
from tests.support.stripe.faults import Fault
from tests.support.stripe.world import StripeWorld


async def funded(running: StripeWorld, seller: Seller, value: str = "10.00") -> tuple[dict[str, str], str]:
    """A buyer, and a funding that no rail was asked for yet."""
    told = await running.buyer(seller)
    answer = await seller.fund(told["fundingTokenID"], told["prepaidInstrumentID"], value)
    return told, answer.text("TransactionId")


async def test_an_event_brings_a_lost_answer_forward_once(running: StripeWorld, seller: Seller) -> None:
    _, transaction_id = await funded(running, seller)
    running.fake.proxy.faults.plan(Fault.DROPPED_AFTER)
    await running.work()
    assert await running.status(seller, transaction_id) == "Pending"
    intent = await running.intent_of(transaction_id)

    sent = await running.tell("payment_intent.succeeded", intent)
    await running.work()
    again = await running.deliver(sent)
    late = await running.tell("payment_intent.payment_failed", intent)
    await running.work()

    assert again == 200
    assert await running.status(seller, transaction_id) == "Success"
    kept = await running.world.rows(
        "SELECT event_id, due_at FROM rail_event WHERE event_id = ANY($1)", [sent.event_id, late.event_id]
    )
    assert sorted(row["event_id"] for row in kept) == sorted([sent.event_id, late.event_id])
    assert [row["due_at"] for row in kept] == [None, None]
    assert (await running.intent_of(transaction_id))["amount_received"] == 1_000


async def test_without_an_event_the_worker_asks_again_by_itself(running: StripeWorld, seller: Seller) -> None:
    _, transaction_id = await funded(running, seller)
    running.fake.proxy.faults.plan(Fault.DROPPED_AFTER)
    await running.work()

    running.world.clock.readings += 3_000  # three seconds
    await running.work()

    assert await running.status(seller, transaction_id) == "Success"
    assert (await running.intent_of(transaction_id))["amount_received"] == 1_000


async def test_what_succeeds_after_it_had_failed_is_given_back(running: StripeWorld, seller: Seller) -> None:
    """As a bank debit may: the fake is made to show its intent as failed at first."""
    _, transaction_id = await funded(running, seller)
    running.fake.proxy.faults.plan(Fault.DROPPED_AFTER)
    await running.work()
    intent = await running.intent_of(transaction_id)
    running.fake.proxy.shapes.overlays[intent["id"]] = {
        "status": "requires_payment_method",
        "amount_received": 0,
        "last_payment_error": {"type": "card_error", "code": "card_declined", "decline_code": "processing_error"},
    }
    running.fake.proxy.break_remembered()
    running.world.clock.readings += 3_000
    await running.work()
    assert await running.status(seller, transaction_id) == "Failure"

    del running.fake.proxy.shapes.overlays[intent["id"]]
    await running.tell("payment_intent.succeeded", intent)
    await running.work()

    assert await running.status(seller, transaction_id) == "Failure"
    assert [running.fake.proxy.refunds[refund] for refund in running.fake.proxy.refunds].count(intent["id"]) == 1


async def test_a_card_that_the_bank_replaced_is_replaced_everywhere(running: StripeWorld, seller: Seller) -> None:
    await funded(running, seller)
    (row,) = await running.world.rows(
        "SELECT payment_method_id, rail_token FROM payment_method WHERE rail = 'stripe'"
        " ORDER BY payment_method_id DESC LIMIT 1"
    )
    method = row["rail_token"].partition("/")[2]
    shown = await running.fake.proxy.object("payment_method", method)
    card = shown["card"] | {"last4": "1881", "exp_month": 2, "exp_year": 2033}
    running.fake.proxy.shapes.overlays[method] = {"card": card}

    await running.tell("payment_method.automatically_updated", shown | {"card": card})
    await running.work()

    (after,) = await running.world.rows(
        "SELECT last_four, expires_on, rail_token FROM payment_method WHERE payment_method_id = $1",
        row["payment_method_id"],
    )
    assert after == {"last_four": "1881", "expires_on": date(2033, 2, 28), "rail_token": row["rail_token"]}


async def test_charges_and_refunds_by_hand_change_nothing_here(running: StripeWorld, seller: Seller) -> None:
    told, transaction_id = await funded(running, seller)
    await running.work()
    intent = await running.intent_of(transaction_id)
    by_hand = await running.fake.by_hand(f"{intent['customer']}/{intent['payment_method']}", 300)
    refund = await running.fake.refund_by_hand(by_hand, 100)

    await running.tell("payment_intent.succeeded", await running.fake.proxy.object("payment_intent", by_hand))
    await running.tell("refund.created", await running.fake.proxy.object("refund", refund))
    await running.work()

    balance = await seller.api.call("GetPrepaidBalance", {"PrepaidInstrumentId": told["prepaidInstrumentID"]})
    assert balance.micros("PrepaidBalance", "AvailableBalance") == 10_000_000


async def test_an_event_that_stripe_did_not_sign_is_refused_and_not_kept(running: StripeWorld) -> None:
    sent = event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent", "metadata": {}})
    forged = signature(sent.body, int(time.time()), "whsec_of_somebody_else")

    url = f"{running.world.base_url}/rails/stripe/events"
    answers = [
        await running.http.post(url, content=sent.body, headers=headers)
        for headers in ({}, {"stripe-signature": forged}, {"stripe-signature": "t=1,v1=0"})
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert await running.world.rows("SELECT FROM rail_event WHERE event_id = $1", sent.event_id) == []


@pytest.mark.parametrize("number", range(3))
async def test_events_that_come_together_in_any_order_are_each_kept_once(
    running: StripeWorld, seller: Seller, number: int
) -> None:
    _, transaction_id = await funded(running, seller, f"{number + 1}.00")
    await running.work()
    intent = await running.intent_of(transaction_id)
    kinds = ("payment_intent.processing", "payment_intent.succeeded", "payment_intent.payment_failed")
    sent = [event(kind, intent) for kind in kinds]
    shuffled = sent[number:] + sent[:number]

    answers = await asyncio.gather(*(running.deliver(one) for one in [*shuffled, *reversed(shuffled)]))
    await running.work()

    assert set(answers) == {200}
    ids = [one.event_id for one in sent]
    kept = await running.world.rows("SELECT event_id FROM rail_event WHERE event_id = ANY($1)", ids)
    assert len(kept) == len(ids)
    assert await running.status(seller, transaction_id) == "Success"
