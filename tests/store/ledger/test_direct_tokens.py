"""What tokens for real money allow: how often, how much, and what a payment that failed leaves of it."""

from __future__ import annotations

import pytest
from tests.store.direct import said, status, taken, work
from tests.support.books import Books, Buyer

from tallystick.domain.commands import (
    AmountRule,
    Cancel,
    InstallToken,
    LimitTerms,
    Method,
    Settle,
    TokenPurpose,
    TokenTerms,
    TokenType,
)
from tallystick.domain.ids import IdKind, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import display_amount, parse_amount
from tallystick.domain.outcomes import Done, TransactionStatus
from tallystick.domain.periods import Period
from tallystick.domain.rails.commands import Declined, RailOperation, ResolveCharge
from tallystick.store.ledger.usage_limits import limits_from_text


async def test_a_single_use_token_pays_once_exactly_what_was_agreed(shop: Books) -> None:
    terms = TokenTerms(AmountRule.EXACT, parse_amount("5.00"))
    buyer = await shop.sender_token(token_type=TokenType.SINGLE_USE, terms=terms)
    await shop.deposit(buyer, "20.00")
    assert said(await shop.pay(buyer, "4.99")) == "IncompatibleTokens"
    assert said(await shop.reserve(buyer, "5.00")) == "IncompatibleTokens"
    taken(await shop.pay(buyer, "5.00"))
    assert said(await shop.pay(buyer, "5.00")) == "SameTokenIdUsedMultipleTimes"


async def test_a_recurring_token_pays_once_per_period(shop: Books) -> None:
    terms = TokenTerms(AmountRule.EXACT, parse_amount("5.00"))
    limits = (LimitTerms(LimitKind.COUNT, 1, Period(1, "Month")),)
    buyer = await shop.sender_token(token_type=TokenType.RECURRING, terms=terms, limits=limits)
    await shop.deposit(buyer, "20.00")
    taken(await shop.pay(buyer, "5.00"))
    assert said(await shop.pay(buyer, "5.00")) == "TokenUsageError"
    shop.clock.forward(days=31)
    taken(await shop.pay(buyer, "5.00"))


@pytest.mark.parametrize(("rule", "good", "bad"), [("Maximum", "5.00", "5.01"), ("Minimum", "5.00", "4.99")])
async def test_multi_use_tokens_bind_each_payment_and_the_total(shop: Books, rule: str, good: str, bad: str) -> None:
    terms = TokenTerms(AmountRule(rule), parse_amount("5.00"))
    limits = (LimitTerms(LimitKind.AMOUNT, parse_amount("12.00"), None),)
    buyer = await shop.sender_token(terms=terms, limits=limits)
    await shop.deposit(buyer, "20.00")
    assert said(await shop.pay(buyer, bad)) == "IncompatibleTokens"
    taken(await shop.pay(buyer, good))
    taken(await shop.pay(buyer, good))
    assert said(await shop.pay(buyer, good)) == "TokenUsageError"


@pytest.mark.parametrize("calls_off", [False, True])
async def test_who_was_not_charged_may_be_charged_instead(shop: Books, calls_off: bool) -> None:
    """A subscription whose card is declined, or whose payment is called off, still has its payment for the month."""
    amount = "5.00" if calls_off else "2.61"
    terms = TokenTerms(AmountRule.EXACT, parse_amount(amount))
    limits = (LimitTerms(LimitKind.COUNT, 1, Period(1, "Month")),)
    buyer = await shop.sender_token(Method.CC, token_type=TokenType.RECURRING, terms=terms, limits=limits)
    first = taken(await shop.pay(buyer, amount), "Pending")
    assert said(await shop.pay(buyer, amount)) == "TokenUsageError"
    if calls_off:
        taken(await shop.perform(Cancel(first)), "Cancelled")
    else:
        await work(shop)
        assert await status(shop, first) == ("Failure", "TemporaryDecline")

    taken(await shop.pay(buyer, amount), "Pending")
    assert said(await shop.pay(buyer, amount)) == "TokenUsageError"


async def test_a_hold_that_was_given_up_uses_no_limit_but_a_single_use_token(shop: Books) -> None:
    limits = (LimitTerms(LimitKind.AMOUNT, parse_amount("5.00"), None),)
    many = await shop.sender_token(Method.CC, limits=limits)
    once = await shop.sender_token(Method.CC, token_type=TokenType.SINGLE_USE, terms=TokenTerms(for_reserve=True))
    for buyer in (many, once):
        held = taken(await shop.reserve(buyer, "5.00"), "Pending")
        await work(shop)
        taken(await shop.perform(Cancel(held)), "Cancelled")

    taken(await shop.reserve(many, "5.00"), "Pending")
    assert said(await shop.reserve(once, "5.00")) == "SameTokenIdUsedMultipleTimes"


async def test_of_what_was_held_only_what_is_settled_counts(shop: Books) -> None:
    """The rest is released and uses no limit. As a charge, it counts as one."""
    limits = (LimitTerms(LimitKind.AMOUNT, parse_amount("10.00"), None), LimitTerms(LimitKind.COUNT, 2, None))
    buyer = await shop.sender_token(Method.CC, limits=limits)
    held = taken(await shop.reserve(buyer, "10.00"), "Pending")
    await work(shop)
    assert await used(shop, buyer) == ["10.00", 1]

    taken(await shop.perform(Settle(held, parse_amount("4.00"))), "Pending")

    assert await used(shop, buyer) == ["4.00", 1]
    assert said(await shop.pay(buyer, "6.01")) == "TokenUsageError"
    taken(await shop.pay(buyer, "5.00"), "Pending")
    await work(shop)
    assert await status(shop, held) == ("Success", "Success")
    assert await used(shop, buyer) == ["9.00", 2]


@pytest.mark.parametrize("settled", ["10.00", "4.00"])
async def test_a_hold_whose_settlement_is_declined_uses_no_limit(shop: Books, settled: str) -> None:
    limits = (LimitTerms(LimitKind.AMOUNT, parse_amount("10.00"), None), LimitTerms(LimitKind.COUNT, 1, None))
    buyer = await shop.sender_token(Method.CC, limits=limits)
    held = taken(await shop.reserve(buyer, "10.00"), "Pending")
    await work(shop)
    taken(await shop.perform(Settle(held, parse_amount(settled))), "Pending")

    answer = Declined("TransactionDenied", "no")
    assert await shop.perform(ResolveCharge(held, "simulated", answer, RailOperation.CAPTURE)) == Done()

    assert await used(shop, buyer) == ["0.00", 0]
    taken(await shop.pay(buyer, "10.00"), "Pending")


async def used(shop: Books, buyer: Buyer) -> list[str | int]:
    """What is used of the limits of a buyer's token: an amount in words, a count as it is."""
    statement = "SELECT usage_limits::text FROM token WHERE book_id = $1 AND token_id = $2"
    limits = limits_from_text(await shop.pool.fetchval(statement, shop.book_id, buyer.spending))
    return [display_amount(each.used) if each.kind is LimitKind.AMOUNT else each.used for each in limits]


async def test_an_edited_token_carries_over_what_was_used(shop: Books) -> None:
    limits = (LimitTerms(LimitKind.AMOUNT, parse_amount("12.00"), None),)
    buyer = await shop.sender_token(limits=limits)
    await shop.deposit(buyer, "50.00")
    taken(await shop.pay(buyer, "10.00"))
    edited = InstallToken(
        token_id=TokenId(shop.token(IdKind.SENDER)),
        purpose=TokenPurpose.SENDER,
        token_type=TokenType.MULTI_USE,
        sender_id=buyer.party_id,
        caller_reference="edited",
        method=Method.ABT,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        replaces=buyer.spending,
    )
    assert await shop.perform(edited) == Done()
    assert await shop.perform(edited) == Done(), "once is enough"
    assert said(await shop.pay(buyer, "1.00")) == "TokenNotActive_Sender"
    renewed = Buyer(buyer.party_id, buyer.instrument, edited.token_id, edited.token_id)
    assert said(await shop.pay(renewed, "2.01")) == "TokenUsageError"
    taken(await shop.pay(renewed, "2.00"))
    assert TransactionStatus.SUCCESS.value == "Success"
