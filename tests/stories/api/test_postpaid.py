"""The life of a credit instrument, over HTTP."""

from datetime import timedelta

from tests.support.shop import Shop, usd

from tallystick.domain.commands import LimitTerms
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.periods import Period


async def test_a_tab_is_run_up_settled_and_the_rest_forgiven(shop: Shop) -> None:
    buyer = await shop.books.postpaid_buyer(limit="100.00")
    await shop.books.deposit(buyer, "500.00")

    assert (await shop.pay(buyer, "40.00")).code is None
    assert (await shop.pay(buyer, "60.00")).code is None
    assert (await shop.pay(buyer, "0.01")).code == "InsufficientBalance"
    assert await shop.debt(buyer) == usd("100.00")
    assert await shop.cash() == 0

    assert (await shop.settle(buyer, "100.01")).code == "SettleAmountGreaterThanDebt"
    settled = await shop.settle(buyer, "90.00")
    assert settled.value("TransactionStatus") == "Success"
    assert await shop.debt(buyer) == usd("10.00")
    assert await shop.cash() == usd("87.50")
    outstanding = await shop.done("GetOutstandingDebtBalance")
    assert outstanding.amount("OutstandingDebt/OutstandingBalance") == usd("10.00")
    assert outstanding.amount("OutstandingDebt/PendingOutBalance") == 0

    assert (await shop.write_off(buyer, "10.00")).value("TransactionStatus") == "Success"
    assert await shop.debt(buyer) == 0
    assert (await shop.write_off(buyer, "0.01")).code == "SettleAmountGreaterThanDebt"
    assert (await shop.refund(settled.value("TransactionId"))).code == "TransactionTypeNotRefundable"


async def test_a_refund_lowers_the_debt(shop: Shop) -> None:
    buyer = await shop.books.postpaid_buyer()
    payment = await shop.pay(buyer, "4.00")

    await shop.refund(payment.value("TransactionId"), "1.50")
    assert await shop.debt(buyer) == usd("2.50")
    await shop.refund(payment.value("TransactionId"))

    assert await shop.debt(buyer) == 0
    assert (await shop.refund(payment.value("TransactionId"))).code == "TransactionFullyRefundedAlready"
    detail = await shop.done("GetTransaction", {"TransactionId": payment.value("TransactionId")})
    assert detail.values("RelatedTransaction/RelationType") == ["Refund", "Refund"]


async def test_usage_is_told_window_by_window(shop: Shop) -> None:
    limits = (
        LimitTerms(LimitKind.AMOUNT, parse_amount("20.00"), Period.parse("1 Day")),
        LimitTerms(LimitKind.COUNT, 3, None),
    )
    buyer = await shop.books.postpaid_buyer(limits=limits)
    began = shop.clock()
    await shop.pay(buyer, "12.00")
    assert (await shop.pay(buyer, "8.01")).code == "TokenUsageError"

    usage = await shop.done("GetTokenUsage", {"TokenId": buyer.spending})
    assert usage.values("TokenUsageLimits/Amount/Value") == ["12.000000", "12.000000"], "the total comes first"
    assert usage.values("TokenUsageLimits/LastResetAmount/Value") == ["0.000000", "0.000000"]
    assert usage.value("TokenUsageLimits/Count") == "1"
    assert usage.value("TokenUsageLimits/LastResetCount") == "0"

    shop.clock.forward(days=1)
    usage = await shop.done("GetTokenUsage", {"TokenId": buyer.spending})
    assert usage.values("TokenUsageLimits/Amount/Value") == ["12.000000", "0.000000"]
    assert usage.values("TokenUsageLimits/LastResetAmount/Value") == ["0.000000", "12.000000"]
    next_day = (began + timedelta(days=1)).isoformat(timespec="milliseconds")
    assert usage.values("TokenUsageLimits/LastResetTimestamp")[1] == next_day
    assert usage.value("TokenUsageLimits/Count") == "1"


async def test_a_token_without_limits_has_an_empty_usage(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer()

    usage = await shop.done("GetTokenUsage", {"TokenId": buyer.spending})

    assert "<GetTokenUsageResult/>" in usage.text
