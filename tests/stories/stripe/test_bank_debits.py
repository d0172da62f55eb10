"""Debits of bank accounts in the United States, from Checkout to their end days later: paid, returned, disputed."""

from __future__ import annotations

import secrets

from tests.stories.pages.world import Seller
from tests.support.stripe.forms import Json
from tests.support.stripe.world import StripeWorld


async def debited(running: StripeWorld, seller: Seller, value: str) -> tuple[dict[str, str], str, Json]:
    """A buyer whose means of payment takes days, and a funding of which Stripe has heard; its intent."""
    told = await running.buyer(seller)
    (row,) = await running.world.rows(
        "SELECT rail_token FROM payment_method JOIN token USING (payment_method_id) WHERE token_id = $1",
        told["fundingTokenID"],
    )
    running.fake.proxy.bank_accounts.add(row["rail_token"].partition("/")[2])
    answer = await seller.fund(told["fundingTokenID"], told["prepaidInstrumentID"], value)
    await running.work()
    transaction_id = answer.text("TransactionId")
    return told, transaction_id, await running.intent_of(transaction_id)


async def balance(running: StripeWorld, told: dict[str, str]) -> int:
    (row,) = await running.world.rows(
        "SELECT balance_micros FROM account WHERE kind = 'prepaid' AND subject = $1", told["prepaidInstrumentID"]
    )
    return -int(row["balance_micros"])


async def frozen(running: StripeWorld, told: dict[str, str]) -> int:
    rows = await running.world.rows(
        "SELECT balance_micros FROM account WHERE kind = 'frozen' AND subject = $1", told["prepaidInstrumentID"]
    )
    return sum(abs(int(row["balance_micros"])) for row in rows)


def disputed(intent: Json, amount: int, status: str) -> Json:
    """As banks return debits that had been paid. Source: https://docs.stripe.com/api/disputes/object."""
    identity = f"du_{secrets.token_hex(8)}"
    taken = {"id": f"txn_{identity}", "object": "balance_transaction", "type": "adjustment", "currency": "usd"}
    return {
        "id": identity,
        "object": "dispute",
        "amount": amount,
        "currency": "usd",
        "status": status,
        "reason": "insufficient_funds",
        "payment_intent": intent["id"],
        "charge": "py_1",
        "balance_transactions": [taken | {"amount": -amount, "fee": 0}],
        "evidence_details": {"due_by": None, "has_evidence": False, "past_due": False, "submission_count": 0},
        "metadata": {},
    }


async def test_it_is_pending_until_the_bank_has_paid(running: StripeWorld, seller: Seller) -> None:
    told, transaction_id, intent = await debited(running, seller, "10.00")
    assert await running.status(seller, transaction_id) == "Pending"
    assert await balance(running, told) == 0

    running.fake.proxy.arrive(intent["id"])
    await running.tell("payment_intent.succeeded", intent)
    await running.work()

    assert await running.status(seller, transaction_id) == "Success"
    assert await balance(running, told) == 10_000_000


async def test_a_return_by_the_bank_fails_it_and_no_money_ever_was_there(running: StripeWorld, seller: Seller) -> None:
    told, transaction_id, intent = await debited(running, seller, "11.00")

    running.fake.proxy.bounce(intent["id"], "insufficient_funds")
    await running.tell("payment_intent.payment_failed", intent)
    await running.work()

    assert await running.status(seller, transaction_id) == "Failure"
    assert await balance(running, told) == 0


async def test_a_debit_that_is_returned_after_it_was_paid_is_a_dispute_that_is_lost(
    running: StripeWorld, seller: Seller
) -> None:
    told, transaction_id, intent = await debited(running, seller, "12.00")
    running.fake.proxy.arrive(intent["id"])
    await running.tell("payment_intent.succeeded", intent)
    await running.work()
    assert await running.status(seller, transaction_id) == "Success"

    dispute = disputed(intent, 1_200, "needs_response")
    running.fake.proxy.disputes[dispute["id"]] = dispute
    await running.tell("charge.dispute.created", dispute)
    await running.work()
    assert await frozen(running, told) == 12_000_000

    running.fake.proxy.disputes[dispute["id"]] = dispute | {"status": "lost"}
    await running.tell("charge.dispute.closed", dispute)
    await running.work()

    (row,) = await running.world.rows("SELECT status, due_micros FROM dispute WHERE reference = $1", dispute["id"])
    assert row["status"] == "lost"
    assert await frozen(running, told) == 0
    assert await balance(running, told) == 0
