"""Refunds that fail after they went well: the money is where it was, once, and everything that says so agrees."""

from __future__ import annotations

import asyncio

import pytest
from tests.store.direct import said, status, taken, work
from tests.store.ledger.test_marketplace_payments import Agency
from tests.store.past import Past
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.master_key import VAULT

from tallystick.domain.commands import Method, RefundFunding
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Done, Outcome
from tallystick.domain.rails.commands import Declined, DisputeMoved, RailOperation, ResolveCharge, ReverseRefund
from tallystick.services.context import Service
from tallystick.services.operations.running_proof import ContinuousProver
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.settings import Settings
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.verify import report_on, verify
from tallystick.store.queries import authorization_history, authorizations

FAILED = Declined("TransactionDenied", "The card does not take the money back.", "lost_or_stolen_card_refund")


def reversal(shop: Books, refund: TransactionId) -> ReverseRefund:
    return ReverseRefund(fresh_transaction_id(shop.book_id, shop.clock()), refund, "simulated", FAILED)


async def fail(shop: Books, refund: TransactionId) -> Outcome:
    shop.clock.forward(seconds=1)
    return await shop.perform(reversal(shop, refund))


async def refunded(shop: Books, amount: str = "3.00") -> tuple[Buyer, TransactionId, TransactionId]:
    """A payment of 10.00 by card and a refund of it that went well."""
    buyer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(buyer, "10.00"), "Pending")
    await work(shop)
    refund = taken(await shop.refund(paid, amount), "Pending")
    await work(shop)
    return buyer, paid, refund


async def given_back(shop: Books, amount: str = "25.00") -> tuple[Buyer, TransactionId, TransactionId]:
    """A balance that a card has filled and got back, all of it."""
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    funding = taken(await shop.fund(buyer, amount), "Pending")
    await work(shop)
    refund = taken(await shop.perform(RefundFunding(shop.request(), funding, None)), "Pending")
    await work(shop)
    return buyer, funding, refund


async def problems(shop: Books) -> list[str]:
    return (await verify(shop.pool)).problems


async def test_the_seller_has_its_cash_again_and_may_refund_again(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(buyer, "10.00"), "Pending")
    await work(shop)
    cash, fees = await shop.total("cash"), await shop.total("fees")
    refund = taken(await shop.refund(paid), "Pending")
    await work(shop)
    assert await shop.total("cash") < cash

    reversed_by = taken(await fail(shop, refund))

    assert (await shop.total("cash"), await shop.total("fees")) == (cash, fees)
    assert await status(shop, refund) == ("Success", "Success"), "what was done stays done"
    assert await status(shop, reversed_by) == ("Success", "RefundFailed")
    assert await problems(shop) == []
    taken(await shop.refund(paid), "Pending")
    await work(shop)
    assert await problems(shop) == []


async def test_it_counts_once_however_often_and_by_whom_it_is_told(shop: Books) -> None:
    _, paid, refund = await refunded(shop)
    cash = await shop.total("cash")
    rival = Committer(shop.pool, shop.committer.rules, shop.clock)

    both = await asyncio.gather(fail(shop, refund), rival.perform(shop.book_id, reversal(shop, refund)))
    await rival.close()
    again = await fail(shop, refund)

    assert sorted(type(outcome).__name__ for outcome in (*both, again)) == ["Accepted", "Done", "Done"]
    assert await shop.total("cash") > cash
    reversals = await shop.pool.fetchval(
        "SELECT count(*) FROM transaction WHERE book_id = $1 AND original_id = $2", shop.book_id, refund
    )
    assert reversals == 1
    assert said(await shop.refund(paid, "10.01")) == "RefundAmountExceeded"
    assert await problems(shop) == []


async def test_what_was_not_spent_is_on_the_balance_again(shop: Books) -> None:
    buyer, funding, refund = await given_back(shop)
    assert await shop.balance(buyer) == 0

    taken(await fail(shop, refund))

    assert await shop.balance(buyer) == parse_amount("25.00")
    assert await problems(shop) == []
    taken(await shop.pay(buyer, "5.00"))
    taken(await shop.perform(RefundFunding(shop.request(), funding, None)), "Pending")
    await work(shop)
    assert await shop.balance(buyer) == 0
    assert await problems(shop) == []


async def test_a_balance_may_come_to_be_above_its_limit(shop: Books) -> None:
    """It was filled again meanwhile; the buyer loses nothing, and the limit binds the next funding."""
    buyer, _, refund = await given_back(shop)
    taken(await shop.fund(buyer, "25.00"), "Pending")
    await work(shop)

    taken(await fail(shop, refund))

    assert await shop.balance(buyer) == parse_amount("50.00")
    assert said(await shop.fund(buyer, "1.00")) == "PrepaidFundingLimitExceeded"
    assert await problems(shop) == []


async def test_the_buyer_sees_it_and_the_figures_agree(shop: Books) -> None:
    buyer, _, refund = await given_back(shop)
    taken(await fail(shop, refund))
    taken(await shop.pay(buyer, "5.00"))

    (given,) = await authorizations.authorizations_of(shop.pool, buyer.party_id, 5)
    entries = await authorization_history.page(shop.pool, given, 10)

    assert [(one.operation, one.change_micros, one.running_micros) for one in entries] == [
        ("Pay", -5_000_000, 20_000_000),
        ("RefundReversal", 25_000_000, 25_000_000),
        ("RefundFunding", -25_000_000, 0),
        ("FundPrepaid", 25_000_000, 25_000_000),
    ]
    assert given.spent_micros == 5_000_000


async def test_of_a_payment_the_buyer_has_paid_it_all_again(shop: Books) -> None:
    buyer, _, refund = await refunded(shop)
    taken(await fail(shop, refund))

    (given,) = await authorizations.authorizations_of(shop.pool, buyer.party_id, 5)
    entries = await authorization_history.page(shop.pool, given, 10)

    assert [(one.operation, one.change_micros, one.running_micros) for one in entries] == [
        ("RefundReversal", 3_000_000, 10_000_000),
        ("Refund", -3_000_000, 7_000_000),
        ("Pay", 10_000_000, 10_000_000),
    ]
    assert given.spent_micros == 10_000_000


async def test_a_refund_that_is_under_way_or_failed_has_nothing_to_reverse(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(buyer, "10.00"), "Pending")
    await work(shop)
    waiting = taken(await shop.refund(paid, "1.00"), "Pending")
    assert said(await fail(shop, waiting)) == "OriginalTransactionIncomplete"
    await shop.perform(ResolveCharge(waiting, "simulated", FAILED, RailOperation.REFUND))
    cash = await shop.total("cash")

    assert await fail(shop, waiting) == Done()
    assert said(await fail(shop, paid)) == "InvalidTransactionId"
    assert await shop.total("cash") == cash


async def test_a_refund_to_a_balance_of_ours_cannot_fail_at_a_rail(shop: Books) -> None:
    prepaid = await shop.funded_buyer("10.00")
    refund = taken(await shop.refund(taken(await shop.pay(prepaid, "4.00")), "1.00"))

    assert said(await fail(shop, refund)) == "InvalidTransactionId"


async def test_a_dispute_that_found_too_little_takes_what_comes_back(shop: Books) -> None:
    """The bank took all of the funding; what was refunded of it was not claimed a second time, but now it is."""
    buyer, funding, refund = await given_back(shop, "10.00")
    seller = await shop.prepaid_buyer("50.00", Method.CC)  # for the seller to have cash
    taken(await shop.fund(seller, "40.00"), "Pending")
    await work(shop)
    dispute = DisputeMoved(
        fresh_transaction_id(shop.book_id, shop.clock()),
        funding,
        "simulated",
        f"of {funding}",
        DisputeStatus.OPENED,
        parse_amount("10.00"),
    )
    taken(await shop.perform(dispute), "Reserved")
    assert await shop.total("in_dispute") == 0

    taken(await fail(shop, refund))

    assert await shop.total("in_dispute") == parse_amount("10.00")
    assert said(await shop.pay(buyer, "0.01")) == "InsufficientBalance", "it is frozen"
    assert await problems(shop) == []


async def test_the_fee_of_a_caller_who_pays_it_is_taken_once_more_when_it_is_there(
    shop: Books, open_shop: OpenBooks
) -> None:
    agency = await Agency.open(shop, open_shop)
    paid = taken(await agency.pay("10.00"), "Pending")
    await work(shop)
    before = await agency.totals()
    refund = taken(await shop.refund(paid), "Pending")
    await work(shop)
    assert await agency.totals() != before

    taken(await fail(shop, refund))

    assert await agency.totals() == before
    assert await problems(shop) == []


async def test_the_running_proof_goes_on(past: Past) -> None:
    """What was proven of the refund is not looked at again: what comes back has an id of its own."""
    shop = past.shop
    _, _, refund = await refunded(shop)
    prover = ContinuousProver(Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock))
    shop.clock.forward(seconds=3600)
    await prover.go_on()
    taken(await fail(shop, refund))
    shop.clock.forward(seconds=3600)
    await prover.go_on()
    shop.clock.forward(seconds=3600)
    await prover.go_on()

    row = await shop.pool.fetchrow("SELECT problems, unexplained_micros FROM running_proof")
    assert row is not None
    assert (list(row["problems"]), row["unexplained_micros"]) == ([], 0)


@pytest.mark.parametrize("days", [30, 12, 8], ids=["the payment", "with the refund", "with the reversal"])
async def test_the_archive_takes_it_and_every_figure_stays(past: Past, days: int) -> None:
    pytest.importorskip("pyarrow")
    shop = past.shop
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    funding = taken(await shop.fund(buyer, "25.00"), "Pending")
    payer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(payer, "10.00"), "Pending")
    await work(shop)
    shop.clock.forward(days=20)
    refunds = [
        taken(await shop.perform(RefundFunding(shop.request(), funding, None)), "Pending"),
        taken(await shop.refund(paid), "Pending"),
    ]
    await work(shop)
    shop.clock.forward(days=5)
    taken(await shop.fund(buyer, "25.00"), "Pending")
    await work(shop)
    for refund in refunds:
        taken(await fail(shop, refund))
    shop.clock.forward(days=10)
    people = [buyer.party_id, payer.party_id]
    before = [await authorizations.authorizations_of(shop.pool, party, 5) for party in people]

    await past.archive(days=days)

    after = [await authorizations.authorizations_of(shop.pool, party, 5) for party in people]
    assert [[one.spent_micros for one in those] for those in after] == [
        [one.spent_micros for one in those] for those in before
    ]
    await past.assert_proven()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE transaction SET amount_micros = 2000000 WHERE book_id = $1 AND operation = 'RefundReversal'",
        "UPDATE transaction SET refunded_micros = 0 WHERE book_id = $1 AND operation = 'Refund'",
        "UPDATE transaction SET refunded_micros = 30000 WHERE book_id = $1 AND operation = 'Pay'",
        "UPDATE transaction SET fee_refunded_micros = 10000 WHERE book_id = $1 AND operation = 'Pay'",
        "DELETE FROM transfer WHERE book_id = $1 AND debit_account = 3 AND credit_account = 1",
        "UPDATE rail_operation SET rail = 'another' WHERE book_id = $1 AND operation = 'refund'",
    ],
)
async def test_verify_notices(past: Past, damage: str) -> None:
    """In a database of its own, which no other test looks at."""
    _, _, refund = await refunded(past.shop)
    taken(await fail(past.shop, refund))
    assert (await verify(past.pool)).problems == []
    async with past.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(damage, past.shop.book_id)
            assert (await report_on(connection)).problems != []
        finally:
            await transaction.rollback()
