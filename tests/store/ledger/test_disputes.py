"""Disputes through the database: what is frozen, owed, restored and lost, and that `verify` sees every slip of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from tests.store.direct import said, taken, work
from tests.support.balanced import problems_of
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.master_key import VAULT
from tests.support.owner import connection_of_owner

from tallystick.domain.commands import FeePayer, Marketplace, Method, Pay, RefundFunding, RequestPayout, TokenTerms
from tallystick.domain.disputes.dispute import DisputedSettlements, DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.rails.commands import Declined, RailOperation, ResolveCharge
from tallystick.services.context import Service
from tallystick.services.disputes.dues import collect_dues
from tallystick.services.disputes.news import DisputeNews, NotYetError, UnknownChargeError, dispute_moved
from tallystick.settings import Settings
from tallystick.store.queries import disputes

OPENED, DUE, WON, LOST = DisputeStatus
UNITS = 1_000_000


@dataclass
class Shop:
    """A shop whose charges are disputed; amounts are texts in dollars."""

    books: Books
    service: Service

    async def tell(
        self, charge: TransactionId, status: DisputeStatus, amount: str, fee: str | None = None, name: str = "one"
    ) -> TransactionId:
        news = DisputeNews(
            rail="simulated",
            reference=f"{charge}-{name}",
            charge=charge,
            status=status,
            amount_micros=parse_amount(amount),
            fee_micros=None if fee is None else parse_amount(fee),
        )
        return await dispute_moved(self.service, news)

    async def funded(self, amount: str) -> tuple[Buyer, TransactionId]:
        """A prepaid balance that was funded by card."""
        buyer = await self.books.prepaid_buyer(limit="100.00", method=Method.CC)
        charge = taken(await self.books.fund(buyer, amount), "Pending")
        await work(self.books)
        return buyer, charge

    async def account(self, kind: str, subject: str = "", book: int | None = None) -> int:
        found = await self.books.pool.fetchval(
            "SELECT balance_micros FROM account WHERE book_id = $1 AND kind = $2 AND subject = $3",
            book or self.books.book_id,
            kind,
            subject,
        )
        return int(found or 0)

    async def problems(self) -> dict[str, str]:
        async with self.books.pool.acquire() as connection:
            return await problems_of(connection, [self.books.book_id])


def shop_of(books: Books) -> Shop:
    return Shop(books, Service(Settings(), books.pool, books.committer, VAULT, books.clock))


@pytest.fixture
async def disputed(shop: Books) -> Shop:
    return shop_of(shop)


async def test_who_waits_for_a_balance_notices_that_it_is_claimed(disputed: Shop) -> None:
    """Payments and refunds that were decided before compare the account's terms, once they hold its lock."""
    books = disputed.books
    buyer, charge = await disputed.funded("10.00")
    taken(await books.pay(buyer, "7.00"))
    terms = "SELECT terms_version FROM account WHERE book_id = $1 AND kind = 'prepaid' AND subject = $2"
    before = await books.pool.fetchval(terms, books.book_id, buyer.instrument)
    await disputed.tell(charge, OPENED, "10.00")
    assert await books.pool.fetchval(terms, books.book_id, buyer.instrument) == before + 1
    await disputed.tell(charge, WON, "10.00")
    assert await books.pool.fetchval(terms, books.book_id, buyer.instrument) == before + 2


async def test_what_is_left_is_frozen_at_once_and_the_spent_part_is_the_sellers(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    taken(await disputed.books.pay(buyer, "7.00"))
    cash = await disputed.account("cash")

    await disputed.tell(charge, OPENED, "10.00", fee="15.00")

    assert said(await disputed.books.pay(buyer, "0.01")) == "InsufficientBalance"
    assert await disputed.account("prepaid", buyer.instrument) == 0
    assert await disputed.account("frozen", buyer.instrument) == -3 * UNITS
    assert await disputed.account("in_dispute") == 10 * UNITS
    assert await disputed.account("cash") == 0
    assert await disputed.account("dues") == -(25 * UNITS - cash), "what its cash did not cover, the seller owes"
    assert await disputed.problems() == {}


async def test_won_everything_is_restored(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    taken(await disputed.books.pay(buyer, "7.00"))
    cash = await disputed.account("cash")
    await disputed.tell(charge, OPENED, "10.00", fee="15.00")

    await disputed.tell(charge, WON, "10.00", fee="0.00")

    assert await disputed.account("cash") == cash
    assert [await disputed.account(kind) for kind in ("dues", "in_dispute", "dispute_losses", "dispute_fees")] == [
        0
    ] * 4
    taken(await disputed.books.pay(buyer, "3.00"))
    assert await disputed.problems() == {}


async def test_lost_the_balance_is_gone_and_what_was_spent_is_a_loss(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    taken(await disputed.books.pay(buyer, "7.00"))
    await disputed.tell(charge, OPENED, "10.00")

    await disputed.tell(charge, LOST, "10.00", fee="15.00")

    assert await disputed.account("prepaid", buyer.instrument) == 0
    assert await disputed.account("frozen", buyer.instrument) == 0
    assert await disputed.account("dispute_losses") == 7 * UNITS
    assert await disputed.account("dispute_fees") == 15 * UNITS
    assert await disputed.account("in_dispute") == 0
    assert await disputed.problems() == {}


async def test_a_refund_to_a_disputed_balance_is_frozen_with_it(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    purchase = taken(await disputed.books.pay(buyer, "7.00"))
    await disputed.tell(charge, OPENED, "10.00")

    taken(await disputed.books.refund(purchase, "2.00"))

    assert await disputed.account("frozen", buyer.instrument) == -5 * UNITS
    assert said(await disputed.books.pay(buyer, "0.01")) == "InsufficientBalance"
    taken(await disputed.books.refund(purchase, "5.00"))
    await disputed.tell(charge, LOST, "10.00")
    assert await disputed.account("dispute_losses") == 0, "all of it was still there"
    assert await disputed.problems() == {}


async def test_money_that_is_funded_later_is_not_frozen(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    taken(await disputed.books.pay(buyer, "10.00"))
    await disputed.tell(charge, OPENED, "10.00")
    taken(await disputed.books.fund(buyer, "5.00"), "Pending")
    await work(disputed.books)

    await disputed.tell(charge, LOST, "10.00")

    taken(await disputed.books.pay(buyer, "5.00"))
    assert await disputed.problems() == {}


async def test_what_the_seller_owes_is_taken_from_cash_that_comes_in(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    await disputed.tell(charge, LOST, "10.00", fee="15.00")
    owed = -await disputed.account("dues")
    assert owed > 15 * UNITS
    await disputed.funded("50.00")

    assert await collect_dues(disputed.service) >= 0

    assert await disputed.account("dues") == 0
    assert await disputed.problems() == {}


async def test_what_the_seller_owes_is_not_paid_out(disputed: Shop) -> None:
    """Also in the minute in which nothing has collected it yet."""
    books = disputed.books
    _, charge = await disputed.funded("10.00")
    await disputed.tell(charge, LOST, "10.00", fee="15.00")
    buyer = await books.sender_token()
    await books.deposit(buyer, "50.00")
    taken(await books.pay(buyer, "50.00"))
    owed, cash = -await disputed.account("dues"), await disputed.account("cash")
    assert owed > 0
    assert said(await books.perform(recorded_payout(books, cash))) == "InsufficientBalance"

    taken(await books.perform(recorded_payout(books, None)))

    assert owed <= await disputed.account("cash") < owed + 10_000, "whole cents leave"
    await collect_dues(disputed.service)
    assert await disputed.account("dues") == 0
    assert await disputed.problems() == {}


def recorded_payout(books: Books, micros: int | None) -> RequestPayout:
    return RequestPayout(books.request(None, payout=micros), micros, "recorded", None, None)


@pytest.mark.parametrize("choice", DisputedSettlements)
async def test_a_lost_settlement_is_owed_again_or_a_loss(disputed: Shop, choice: DisputedSettlements) -> None:
    books = disputed.books
    await disputes.choose_settlements(books.pool, [books.book_id], choice)
    buyer = await books.postpaid_buyer(limit="20.00", method=Method.CC)
    taken(await books.pay(buyer, "20.00"))
    charge = taken(await books.settle(buyer, "20.00"), "Pending")
    await work(books)
    taken(await books.pay(buyer, "5.00"))
    await disputed.tell(charge, OPENED, "20.00")
    assert await books.balance(buyer) == 5 * UNITS

    await disputed.tell(charge, LOST, "20.00")

    owed_again = 15 if choice is DisputedSettlements.DEBT else 0
    assert await books.balance(buyer) == (5 + owed_again) * UNITS, "never above the credit limit"
    assert await disputed.account("dispute_losses") == (20 - owed_again) * UNITS
    assert await disputed.problems() == {}


async def test_refund_and_dispute_never_take_the_same_twice(disputed: Shop) -> None:
    books = disputed.books
    card = await books.sender_token(Method.CC)
    charge = taken(await books.pay(card, "10.00"), "Pending")
    await work(books)
    taken(await books.refund(charge, "4.00"), "Pending")
    await work(books)

    await disputed.tell(charge, OPENED, "10.00")

    assert await disputed.account("in_dispute") == 6 * UNITS
    assert said(await books.refund(charge, "0.01")) == "TransactionFullyRefundedAlready"
    await disputed.tell(charge, OPENED, "10.00", name="another")
    assert await disputed.account("in_dispute") == 6 * UNITS
    await disputed.tell(charge, WON, "10.00")
    assert await disputed.account("in_dispute") == 6 * UNITS, "the other one is still open"
    await disputed.tell(charge, WON, "10.00", name="another")
    taken(await books.refund(charge, "1.00"), "Pending")
    await work(books)
    assert await disputed.problems() == {}


async def test_a_refund_that_the_rail_declines_is_claimed_by_the_dispute_that_took_the_charge(disputed: Shop) -> None:
    """The bank took the whole charge while its refund was on its way, so that the rail declines the refund."""
    books = disputed.books
    card = await books.sender_token(Method.CC)
    charge = taken(await books.pay(card, "10.00"), "Pending")
    await work(books)
    await disputed.funded("50.00")  # for the seller to have cash
    refund = taken(await books.refund(charge, "4.00"), "Pending")
    await disputed.tell(charge, LOST, "10.00")
    assert await disputed.account("dispute_losses") == 6 * UNITS
    cash = await disputed.account("cash")

    await books.committer.perform(
        books.book_id, ResolveCharge(refund, "simulated", Declined("TransactionDenied", "no"), RailOperation.REFUND)
    )

    assert await disputed.account("dispute_losses") == 10 * UNITS
    assert await disputed.account("cash") <= cash, "what was not refunded was taken all the same"
    assert said(await books.refund(charge, "0.01")) == "TransactionFullyRefundedAlready"
    assert await disputed.problems() == {}


async def test_what_comes_back_to_a_balance_whose_funding_is_disputed_is_frozen(disputed: Shop) -> None:
    books = disputed.books
    buyer, charge = await disputed.funded("10.00")
    request = books.request()
    refund = taken(await books.perform(RefundFunding(request, charge, parse_amount("4.00"))), "Pending")
    await disputed.tell(charge, OPENED, "10.00")
    assert await disputed.account("frozen", buyer.instrument) == -6 * UNITS

    await books.committer.perform(
        books.book_id, ResolveCharge(refund, "simulated", Declined("TransactionDenied", "no"), RailOperation.REFUND)
    )

    assert await disputed.account("frozen", buyer.instrument) == -10 * UNITS
    assert said(await books.pay(buyer, "0.01")) == "InsufficientBalance"
    await disputed.tell(charge, WON, "10.00")
    assert await disputed.account("prepaid", buyer.instrument) == -10 * UNITS
    assert await disputed.problems() == {}


async def test_what_one_dispute_leaves_the_other_takes(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    await disputed.tell(charge, OPENED, "10.00")
    await disputed.tell(charge, LOST, "10.00", name="another")

    await disputed.tell(charge, WON, "10.00")

    assert await disputed.account("in_dispute") == 0
    (first, second) = await disputes.of_charge(disputed.books.pool, disputed.books.book_id, charge)
    assert {first.claimed_micros, second.claimed_micros} == {0, 10 * UNITS}
    assert await disputed.problems() == {}


async def test_the_recipient_bears_what_another_called_for(disputed: Shop, open_shop: OpenBooks) -> None:
    books, recipient = disputed.books, await open_shop()
    token = await books.recipient_token(recipient, TokenTerms(max_fixed_fee_micros=UNITS))
    card = await books.sender_token(Method.CC)
    marketplace = Marketplace(token, FeePayer.RECIPIENT, fixed_fee_micros=UNITS)
    charge = taken(
        await books.perform(Pay(books.request(), card.spending, parse_amount("8.00"), marketplace)), "Pending"
    )
    await work(books)

    await disputed.tell(charge, LOST, "8.00", fee="15.00")

    assert await disputed.account("dispute_losses", book=recipient.book_id) == 8 * UNITS
    assert await disputed.account("dispute_fees", book=recipient.book_id) == 15 * UNITS
    assert await disputed.account("cash") == UNITS, "the caller's share stays"
    async with books.pool.acquire() as connection:
        assert await problems_of(connection, [books.book_id, recipient.book_id]) == {}


async def test_a_charge_that_has_no_result_yet_is_told_again_later(disputed: Shop) -> None:
    buyer = await disputed.books.prepaid_buyer(method=Method.CC)
    charge = taken(await disputed.books.fund(buyer, "10.00"), "Pending")
    with pytest.raises(NotYetError):
        await disputed.tell(charge, OPENED, "10.00")
    await work(disputed.books)
    await disputed.tell(charge, OPENED, "10.00")
    assert await disputed.account("frozen", buyer.instrument) == -10 * UNITS


async def test_what_no_rail_charged_cannot_be_disputed(disputed: Shop) -> None:
    buyer = await disputed.books.funded_buyer("10.00")
    purchase = taken(await disputed.books.pay(buyer, "1.00"))
    for charge in (purchase, TransactionId("nonsense"), disputed.books.request().transaction_id):
        with pytest.raises(UnknownChargeError):
            await disputed.tell(charge, OPENED, "1.00")


async def test_both_ends_leave_the_first_one_and_say_so(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    name = await disputed.tell(charge, WON, "10.00")

    assert await disputed.tell(charge, LOST, "10.00") == name

    found = await disputes.find(disputed.books.pool, disputed.books.book_id, name)
    assert found is not None
    assert found.is_contradicted
    assert (found.status, found.claimed_micros) == (WON, 0)
    assert await disputed.problems() == {}


async def test_any_order_through_the_database(disputed: Shop) -> None:
    """A smaller kin of tests/domain/test_dispute_properties.py: three balances, each with its own history of news."""
    chance = random.Random(18)  # noqa: S311 - an order, no secret
    for _ in range(3):
        buyer, charge = await disputed.funded("10.00")
        purchase = taken(await disputed.books.pay(buyer, "6.00"))
        steps: list[tuple[DisputeStatus | str, str]] = [
            *((status, name) for status in DisputeStatus for name in ("one", "one", "two")),
            *(("refund", amount) for amount in ("2.00", "3.00")),
            *(("pay", amount) for amount in ("1.00", "0.50")),
            ("collect", ""),
        ]
        chance.shuffle(steps)
        for what, detail in steps:
            if isinstance(what, DisputeStatus):
                await disputed.tell(charge, what, "9.00", "15.00", detail)
            elif what == "refund":
                await disputed.books.refund(purchase, detail)
            elif what == "pay":
                await disputed.books.pay(buyer, detail)
            else:
                await collect_dues(disputed.service)
            disputed.books.clock.forward(seconds=1)
        assert await disputed.problems() == {}


async def test_news_that_come_at_once_are_booked_once(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    names = await asyncio.gather(
        *(disputed.tell(charge, status, "10.00") for status in (OPENED, DUE, LOST, OPENED, LOST))
    )
    assert len(set(names)) == 1
    assert await disputed.account("prepaid", buyer.instrument) == 0
    assert await disputed.account("in_dispute") == 0
    assert await disputed.problems() == {}


DAMAGE = {
    "a transfer more": (
        "INSERT INTO transfer VALUES ($1, $2, 99, 22, 1, 100, '2027-06-01Z')",
        "disputes_moved_what_they_say",
    ),
    "another claim": (
        "UPDATE dispute SET asked_micros = 11e6, claimed_micros = 11e6 WHERE book_id = $1 AND transaction_id = $2",
        "disputes_agree_with_charges",
    ),
    "another end": (
        "UPDATE dispute SET status = 'won', closed_at = opened_at WHERE book_id = $1 AND transaction_id = $2",
        "disputes_agree_with_charges",
    ),
    "more frozen": (
        "UPDATE dispute SET borne_micros = 0 WHERE book_id = $1 AND transaction_id = $2",
        "disputes_agree_with_balances",
    ),
    "less owed": (
        "UPDATE dispute SET due_micros = 0 WHERE book_id = $1 AND transaction_id = $2",
        "dues_are_claimed",
    ),
    "no dispute": ("DELETE FROM dispute WHERE book_id = $1 AND transaction_id = $2", "disputes_agree_with_charges"),
}


@pytest.fixture
async def damaged(disputed: Shop) -> AsyncIterator[Callable[[str], Awaitable[dict[str, str]]]]:
    buyer, charge = await disputed.funded("10.00")
    taken(await disputed.books.pay(buyer, "7.00"))
    name = await disputed.tell(charge, OPENED, "10.00", fee="15.00")
    async with connection_of_owner(disputed.books.pool) as connection:
        undone = connection.transaction()
        await undone.start()

        async def damage(statement: str) -> dict[str, str]:
            assert not (await connection.execute(statement, disputed.books.book_id, name)).endswith(" 0")
            return await problems_of(connection, [disputed.books.book_id])

        yield damage
        await undone.rollback()


@pytest.mark.parametrize("what", DAMAGE)
async def test_verify_sees_a_slip(damaged: Callable[[str], Awaitable[dict[str, str]]], what: str) -> None:
    statement, check = DAMAGE[what]
    assert check in await damaged(statement)
