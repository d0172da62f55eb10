"""Tokens made from payment instructions, at work in the books."""

from __future__ import annotations

import asyncio

from tests.support.books import Books, Buyer

from tallystick.domain.commands import InstallToken, LimitTerms, Marketplace, Pay, TokenPurpose, TokenType
from tallystick.domain.ids import IdKind, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done, Outcome
from tallystick.domain.periods import Period
from tallystick.domain.refusals import Refused

TEXT = "MyRole == 'Recipient'; TransactionAmount <= 'USD 10' orSay 'at most ten';"


async def installed(shop: Books, token_type: TokenType, *limits: LimitTerms) -> TokenId:
    token_id = TokenId(shop.token(IdKind.INSTALLED))
    command = InstallToken(
        token_id=token_id,
        purpose=TokenPurpose.INSTALLED,
        token_type=token_type,
        sender_id=shop.party_id,
        caller_reference=token_id,
        method=None,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        limits=limits,
        instruction=TEXT,
    )
    assert await shop.perform(command) == Done()
    return token_id


async def funded(shop: Books) -> Buyer:
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "100.00")
    return buyer


async def pay(shop: Books, buyer: Buyer, token_id: TokenId, amount: str) -> Outcome:
    request = shop.request(None, pay=amount)
    return await shop.perform(Pay(request, buyer.spending, parse_amount(amount), Marketplace(token_id)))


def refusals(outcomes: list[Outcome]) -> list[str]:
    return [outcome.refusal.name for outcome in outcomes if isinstance(outcome, Refused)]


async def test_the_text_is_kept_at_pay_time(shop: Books) -> None:
    buyer = await funded(shop)
    token_id = await installed(shop, TokenType.UNRESTRICTED)

    assert isinstance(await pay(shop, buyer, token_id, "10.00"), Accepted)
    refused = await pay(shop, buyer, token_id, "10.01")
    assert isinstance(refused, Refused)
    assert (refused.refusal.name, refused.message) == ("IncompatibleTokens", "at most ten")


async def test_payments_that_race_do_not_pass_the_limit_of_a_text(shop: Books) -> None:
    buyers = [await funded(shop) for _ in range(3)]
    token_id = await installed(shop, TokenType.MULTI_USE, LimitTerms(LimitKind.COUNT, 5, Period(1, "Day")))

    outcomes = await asyncio.gather(*(pay(shop, buyer, token_id, "1.00") for buyer in buyers * 4))

    assert refusals(outcomes) == ["TokenUsageError"] * 7
    assert await shop.total("sales") == parse_amount("5.00")
    shop.clock.forward(days=1)
    assert isinstance(await pay(shop, buyers[0], token_id, "1.00"), Accepted)


async def test_one_of_many_payments_gets_a_single_use_token(shop: Books) -> None:
    buyers = [await funded(shop) for _ in range(2)]
    token_id = await installed(shop, TokenType.SINGLE_USE)

    outcomes = await asyncio.gather(*(pay(shop, buyer, token_id, "1.00") for buyer in buyers * 3))

    assert refusals(outcomes) == ["SameTokenIdUsedMultipleTimes"] * 5
    assert await shop.total("sales") == parse_amount("1.00")
