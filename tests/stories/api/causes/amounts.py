"""Refusals because of an amount or a limit."""

from __future__ import annotations

from tests.stories.api.causes.provoking import causes, paid, payer, reserved
from tests.support.shop import Answer, Shop, amount

from tallystick.domain.commands import LimitTerms
from tallystick.domain.limits import LimitKind


@causes("AmountOutOfRange")
async def amount_out_of_range(shop: Shop) -> Answer:
    return await shop.pay(await payer(shop), "10000.01")


@causes("InsufficientBalance")
async def insufficient_balance(shop: Shop) -> Answer:
    return await shop.pay(await payer(shop), "50.01")


@causes("PrepaidFundingLimitExceeded")
async def prepaid_funding_limit_exceeded(shop: Shop) -> Answer:
    return await shop.fund(await shop.books.prepaid_buyer(limit="25.00"), "25.01")


@causes("RefundAmountExceeded")
async def refund_amount_exceeded(shop: Shop) -> Answer:
    return await shop.refund(await paid(shop), "5.01")


@causes("SettleAmountGreaterThanDebt")
async def settle_amount_greater_than_debt(shop: Shop) -> Answer:
    return await shop.settle(await shop.books.postpaid_buyer(), "0.01")


@causes("SettleAmountGreaterThanReserveAmount")
async def settle_amount_greater_than_reserve_amount(shop: Shop) -> Answer:
    return await shop.call(
        "Settle", {"ReserveTransactionId": await reserved(shop), **amount("TransactionAmount", "5.01")}
    )


@causes("TokenUsageError")
async def token_usage_error(shop: Shop) -> Answer:
    once = (LimitTerms(LimitKind.COUNT, 1, None),)
    buyer = await payer(shop, limits=once)
    await shop.pay(buyer, "1.00")
    return await shop.pay(buyer, "1.00")
