from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.commands import Method, Pay
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.rails.commands import Declined, Paid, ResolveCharge
from tallystick.domain.refusals import Refusal, Refused
from tallystick.store.ledger.apply import apply
from tallystick.store.ledger.command_queue import MAX_PER_GROUP
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.load import NoSuchBookError
from tallystick.store.ledger.verify import verify


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


def transaction(outcome: Outcome) -> TransactionId:
    assert isinstance(outcome, Accepted), outcome
    return outcome.transaction_id


async def test_prepaid_from_funding_to_refund(shop: Books) -> None:
    buyer = await shop.prepaid_buyer("10.00")
    assert refusal(await shop.pay(buyer, "0.05")) is Refusal.InsufficientBalance
    await shop.deposit(buyer, "50.00")
    await shop.fund(buyer, "10.00")
    assert await shop.balance(buyer) == parse_amount("10.00")
    assert await shop.total("cash") == parse_amount("9.70")

    paid = transaction(await shop.pay(buyer, "4.00"))
    await shop.refund(paid, "1.00")

    assert await shop.balance(buyer) == parse_amount("7.00")
    assert await shop.total("sales") == parse_amount("3.00")
    assert await shop.total("cash") == parse_amount("9.70")
    assert refusal(await shop.fund(buyer, "3.01")) is Refusal.PrepaidFundingLimitExceeded


async def test_postpaid_from_debt_to_write_off(shop: Books) -> None:
    buyer = await shop.postpaid_buyer("100.00")
    await shop.pay(buyer, "40.00")
    await shop.pay(buyer, "60.00")
    assert refusal(await shop.pay(buyer, "0.01")) is Refusal.InsufficientBalance
    await shop.deposit(buyer, "90.00")
    assert refusal(await shop.settle(buyer, "100.01")) is Refusal.SettleAmountGreaterThanDebt
    await shop.settle(buyer, "90.00")
    assert await shop.total("cash") == parse_amount("87.50")
    assert await shop.balance(buyer) == parse_amount("10.00")
    await shop.write_off(buyer, "10.00")
    assert await shop.balance(buyer) == 0
    assert refusal(await shop.write_off(buyer, "0.01")) is Refusal.SettleAmountGreaterThanDebt


async def test_a_retried_payment_moves_money_once(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")

    first = await shop.pay(buyer, "4.00", reference="order-7")
    again = await shop.pay(buyer, "4.00", reference="order-7")
    other = await shop.pay(buyer, "5.00", reference="order-7")

    assert again == first
    assert refusal(other) is Refusal.DuplicateRequest
    assert await shop.balance(buyer) == parse_amount("6.00")


async def test_a_refusal_is_remembered_with_its_reference_for_seven_days(shop: Books) -> None:
    buyer = await shop.funded_buyer("1.00")
    assert refusal(await shop.pay(buyer, "1.50", reference="big")) is Refusal.InsufficientBalance
    await shop.deposit(buyer, "10.00")
    await shop.fund(buyer, "10.00")

    shop.clock.forward(days=6, hours=23)
    assert refusal(await shop.pay(buyer, "1.50", reference="big")) is Refusal.InsufficientBalance
    assert refusal(await shop.pay(buyer, "1.25", reference="big")) is Refusal.DuplicateRequest

    shop.clock.forward(hours=2)
    assert isinstance(await shop.pay(buyer, "1.25", reference="big"), Accepted)


async def test_many_payments_of_one_key_do_not_stand_before_another_keys_one(shop: Books) -> None:
    many, one = await shop.funded_buyer("25.00"), await shop.funded_buyer("1.00")

    def pay(buyer: Buyer, key: str) -> asyncio.Task[Outcome]:
        command = Pay(shop.request(), buyer.spending, parse_amount("0.01"))
        return asyncio.ensure_future(shop.committer.perform(shop.book_id, command, flow=key))

    flood = [pay(many, "flood") for _ in range(2 * MAX_PER_GROUP)]
    assert isinstance(await pay(one, "neighbour"), Accepted)
    assert sum(paid.done() for paid in flood) < MAX_PER_GROUP
    assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*flood))


async def test_two_hundred_payments_at_once_share_few_commits(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")
    before = shop.committer.statistics.groups

    outcomes = await asyncio.gather(*(shop.pay(buyer, "0.05") for _ in range(200)))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await shop.balance(buyer) == 0
    assert shop.committer.statistics.groups - before <= 10
    commits = await shop.pool.fetchval(
        "SELECT count(DISTINCT xmin::text) FROM transaction WHERE book_id = $1 AND operation = 'Pay'", shop.book_id
    )
    assert commits <= 10, "rows written together carry the same database transaction"


async def test_the_ceiling_holds_exactly_with_several_committers_racing(shop: Books, open_shop: OpenBooks) -> None:
    """Four committers stand for four processes: they share nothing but the database."""
    buyer = await shop.funded_buyer("10.00")
    rivals = [shop.committer, *[(await open_shop()).committer for _ in range(3)]]

    async def spend(committer: Committer) -> int:
        outcomes = []
        for _ in range(60):
            shop.committer = committer
            outcomes.append(await shop.pay(buyer, "0.05"))
        return sum(isinstance(outcome, Accepted) for outcome in outcomes)

    own = shop.committer
    taken = await asyncio.gather(*(spend(committer) for committer in rivals))
    shop.committer = own

    assert sum(taken) == 200
    assert await shop.balance(buyer) == 0


async def test_racing_the_same_reference_from_several_processes_pays_once(shop: Books, open_shop: OpenBooks) -> None:
    buyer, other = await shop.funded_buyer("10.00"), await shop.funded_buyer("10.00")
    rival = (await open_shop()).committer
    own = shop.committer

    for number in range(20):
        calls = []
        for committer, payer in ((own, buyer), (rival, other)):
            shop.committer = committer
            calls.append(asyncio.ensure_future(shop.pay(payer, "0.10", reference=f"race-{number}")))
            await asyncio.sleep(0)
        first, second = await asyncio.gather(*calls)
        assert isinstance(first, Accepted)
        assert isinstance(second, Accepted)
        assert first == second, "the same request under one reference is answered alike"
    shop.committer = own
    assert await shop.balance(buyer) + await shop.balance(other) == parse_amount("18.00")


async def test_fundings_and_payments_of_many_instruments_do_not_deadlock(shop: Books, open_shop: OpenBooks) -> None:
    buyers = [await shop.funded_buyer("10.00", limit="1000.00") for _ in range(6)]
    for buyer in buyers:
        await shop.deposit(buyer, "500.00")
    rivals = [shop.committer, (await open_shop()).committer, (await open_shop()).committer]

    async def trade(number: int) -> list[Outcome]:
        outcomes = []
        for turn in range(12):
            buyer = buyers[(turn * (number + 1)) % len(buyers)]
            shop.committer = rivals[number]
            calls = [shop.pay(buyer, "0.10"), shop.fund(buyers[(turn + number) % len(buyers)], "5.00")]
            outcomes += await asyncio.gather(*calls)
        return outcomes

    own = shop.committer
    outcomes = [outcome for many in await asyncio.gather(*(trade(number) for number in range(3))) for outcome in many]
    shop.committer = own
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sum([await shop.balance(buyer) for buyer in buyers]) == parse_amount("236.40")


async def test_a_charge_by_card_is_pending_until_the_rail_has_answered(shop: Books) -> None:
    await shop.pool.execute(
        "UPDATE book SET notification_url = 'http://shop.example/ipn' WHERE book_id = $1", shop.book_id
    )
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    opened = await shop.fund(buyer, "10.00")
    assert isinstance(opened, Accepted)
    assert opened.status is TransactionStatus.PENDING
    assert await shop.balance(buyer) == 0
    assert refusal(await shop.fund(buyer, "15.01")) is Refusal.PrepaidFundingLimitExceeded, "what is pending counts"
    await shop.pool.execute(
        "INSERT INTO simulated_charge VALUES ($1, 'charge', 'token', 10000000, 'paid', NULL, $2, $2)",
        opened.transaction_id,
        shop.clock(),
    )

    await shop.resolve(opened.transaction_id, Paid())
    await shop.resolve(opened.transaction_id, Declined("TransactionDenied", "too late"))

    assert await shop.balance(buyer) == parse_amount("10.00")
    assert await shop.total("cash") == parse_amount("9.70")
    statuses = await shop.pool.fetch(
        "SELECT status FROM outbox WHERE book_id = $1 AND subject_id = $2 ORDER BY event_id",
        shop.book_id,
        opened.transaction_id,
    )
    assert [row["status"] for row in statuses] == ["Pending", "Success"]
    await shop.pool.execute("DELETE FROM outbox WHERE book_id = $1", shop.book_id)  # nobody else's work


async def test_a_declined_settlement_leaves_the_debt_as_it_was(shop: Books) -> None:
    buyer = await shop.postpaid_buyer("100.00", method=Method.ACH)
    await shop.pay(buyer, "50.00")
    opened = transaction(await shop.settle(buyer, "30.00"))
    assert refusal(await shop.settle(buyer, "20.01")) is Refusal.SettleAmountGreaterThanDebt
    assert refusal(await shop.write_off(buyer, "20.01")) is Refusal.SettleAmountGreaterThanDebt
    await shop.pool.execute(
        "INSERT INTO simulated_charge VALUES ($1, 'charge', 'token', 30000000, 'declined', 'no', $2, $2)",
        opened,
        shop.clock(),
    )

    await shop.resolve(opened, Declined("TransactionDenied", "no funds"))

    assert await shop.balance(buyer) == parse_amount("50.00")
    assert await shop.total("cash") == 0
    assert isinstance(await shop.write_off(buyer, "50.00"), Accepted)


async def test_a_poisonous_command_fails_alone(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")
    unknown = TransactionId("0" * 35)

    payments = [asyncio.ensure_future(shop.pay(buyer, "0.05")) for _ in range(3)]
    poison = asyncio.ensure_future(shop.perform(ResolveCharge(unknown, "simulated", Paid())))
    more = [asyncio.ensure_future(shop.pay(buyer, "0.05")) for _ in range(3)]

    with pytest.raises(KeyError):
        await poison
    outcomes = await asyncio.gather(*payments, *more)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await shop.balance(buyer) == parse_amount("9.70")


async def test_a_group_that_failed_in_passing_is_tried_again_together(
    shop: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of commands that lock."""
    buyer = await shop.postpaid_buyer("10.00")
    troubles = [ConnectionResetError()]

    async def write_or_fail(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on as they come
        if troubles:
            raise troubles.pop()
        await apply(*arguments, **named)

    assert isinstance(await shop.pay(buyer, "1.50"), Accepted)
    before = shop.committer.statistics.groups
    monkeypatch.setattr("tallystick.store.ledger.group_commits.apply", write_or_fail)
    outcomes = await asyncio.gather(*(shop.write_off(buyer, "0.05") for _ in range(20)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert not troubles
    assert shop.committer.statistics.groups == before + 1
    assert await shop.balance(buyer) == parse_amount("0.50")


async def test_a_book_that_does_not_exist_is_an_error(shop: Books) -> None:
    with pytest.raises(NoSuchBookError):
        await shop.committer.perform(BookId(12345), ResolveCharge(TransactionId("x"), "simulated", Paid()))


async def test_the_schema_refuses_what_the_domain_should_have_refused(shop: Books) -> None:
    buyer = await shop.funded_buyer("1.00")
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.pool.execute(
            "UPDATE account SET balance_micros = balance_micros + 1000001 WHERE book_id = $1 AND subject = $2",
            shop.book_id,
            buyer.instrument,
        )


async def test_a_sandbox_clock_moves_one_book_only(shop: Books, open_shop: OpenBooks) -> None:
    other = await open_shop()
    expires_at = shop.clock() + timedelta(days=365)
    here, there = await shop.prepaid_buyer(expires_at=expires_at), await other.prepaid_buyer(expires_at=expires_at)
    for opened, buyer in ((shop, here), (other, there)):
        await opened.deposit(buyer, "10.00")
        assert isinstance(await opened.fund(buyer, "10.00"), Accepted)

    await shop.pool.execute(
        "UPDATE book SET clock_offset_seconds = $2 WHERE book_id = $1", shop.book_id, 366 * 24 * 3600
    )

    assert refusal(await shop.pay(here, "1.00")) is Refusal.InstrumentExpired
    assert isinstance(await other.pay(there, "1.00"), Accepted)


async def test_verify_names_what_is_off(own_pool: Pool, open_shop: OpenBooks) -> None:
    """In a database of its own, because the damage is real."""
    shop = await open_shop(own_pool)
    await shop.own_transfers(on=False)  # so that a transfer stays when its payment goes
    buyer = await shop.funded_buyer("10.00")
    await shop.pay(buyer, "1.00")
    assert (await verify(own_pool)).problems == []

    async def broken_by(statement: str) -> set[str]:
        async with own_pool.acquire() as connection:
            await connection.execute(statement)
        return {check.name for check in (await verify(own_pool)).checks if check.problems}

    assert "balances_follow_from_transfers" in await broken_by(
        "UPDATE account SET balance_micros = balance_micros - 1 WHERE kind = 'prepaid'"
    )
    assert "books_sum_to_zero" in await broken_by("SELECT 1")
    assert "cash_is_owed" in await broken_by("UPDATE account SET balance_micros = 5 WHERE kind = 'cash'")
    assert "transfers_have_transactions" in await broken_by("DELETE FROM transaction WHERE operation = 'Pay'")
    assert "references_have_transactions" in await broken_by("SELECT 1")
    assert "pending_charges_are_being_asked_for" in await broken_by(
        "UPDATE transaction SET status = 'Pending', completed_at = NULL WHERE operation = 'FundPrepaid'"
    )
    assert "instruments_agree_with_transactions" in await broken_by("SELECT 1")
    assert "refunds_agree" in await broken_by("UPDATE transaction SET refunded_micros = 1")
    await broken_by("UPDATE transaction SET payment_method = 'CC', status = 'Success', completed_at = received_at")
    assert "simulated_rail_agrees" in await broken_by("SELECT 1")
    assert "transactions_moved_what_they_say" in await broken_by("UPDATE transaction SET fee_micros = 1")
    await broken_by("ALTER TABLE account DROP CONSTRAINT account_within_bounds")
    await broken_by("UPDATE account SET balance_micros = 1 WHERE kind = 'prepaid'")
    assert "prepaid_balances_within_bounds" in await broken_by("SELECT 1")
    await broken_by("UPDATE instrument SET kind = 'credit', pending_micros = 2")
    assert "debts_within_bounds" in await broken_by("SELECT 1")
