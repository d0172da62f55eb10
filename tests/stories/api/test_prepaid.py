"""The life of a prepaid instrument, over HTTP."""

from tests.support.shop import Shop, amount, usd

from tallystick.domain.commands import Method
from tallystick.domain.ids import BookId, IdKind, make_token_or_instrument_id


async def test_ten_dollars_funded_spent_and_partly_given_back(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer(limit="10.00")
    await shop.books.deposit(buyer, "50.00")
    assert await shop.balance(buyer) == 0
    assert (await shop.pay(buyer, "0.01")).code == "InsufficientBalance"

    funding = await shop.fund(buyer, "10.00")

    assert funding.value("TransactionStatus") == "Success"
    assert await shop.balance(buyer) == usd("10.00")
    assert await shop.cash() == usd("9.70")

    payment = await shop.pay(buyer, "4.00")
    refund = await shop.refund(payment.value("TransactionId"), "1.00")

    assert refund.value("TransactionStatus") == "Success"
    assert await shop.balance(buyer) == usd("7.00")
    total = await shop.done("GetTotalPrepaidLiability")
    assert total.amount("OutstandingPrepaidLiability/OutstandingBalance") == usd("7.00")
    assert total.amount("OutstandingPrepaidLiability/PendingInBalance") == 0
    assert await shop.cash() == usd("9.70")

    assert (await shop.fund(buyer, "3.01")).code == "PrepaidFundingLimitExceeded"
    assert (await shop.refund(funding.value("TransactionId"))).code == "TransactionTypeNotRefundable"
    assert await shop.balance(buyer) == usd("7.00")


async def test_cancelling_the_sender_token_leaves_funding_alone(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer()
    await shop.books.deposit(buyer, "50.00")
    await shop.fund(buyer, "5.00")

    cancelled = await shop.done("CancelToken", {"TokenId": buyer.spending, "ReasonText": "lost the device"})

    assert "Result" not in cancelled.text
    assert (await shop.pay(buyer, "1.00")).code == "TokenNotActive_Sender"
    assert (await shop.fund(buyer, "1.00")).code is None
    assert await shop.balance(buyer) == usd("6.00")
    assert await shop.refused("CancelToken", {"TokenId": buyer.spending}) == "TokenNotActive"
    found = await shop.done("GetTokenByCaller", {"TokenId": buyer.spending})
    assert found.value("TokenStatus") == "Inactive"


async def test_a_retried_payment_moves_money_once(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    request = shop.pay_parameters(buyer, "4.00", reference="order-7")

    first = await shop.done("Pay", request)
    shop.clock.forward(seconds=61)
    again = await shop.done("Pay", request)

    assert again.value("TransactionId") == first.value("TransactionId")
    assert await shop.balance(buyer) == usd("6.00")
    assert await shop.refused("Pay", request | amount("TransactionAmount", "4.01")) == "DuplicateRequest"
    other_action = {
        "TransactionId": first.value("TransactionId"),
        "CallerReference": "order-7",
    }
    assert await shop.refused("Refund", other_action) == "DuplicateRequest"


async def test_a_repeated_refusal_says_that_it_is_the_first_answer(shop: Shop) -> None:
    """What it states as a fact may be none any more: here the balance, which has been topped up meanwhile."""
    buyer = await shop.books.prepaid_buyer()
    await shop.books.deposit(buyer, "50.00")
    await shop.fund(buyer, "3.00")
    request = shop.pay_parameters(buyer, "4.00", reference="order-7")
    first = await shop.call("Pay", request)
    at = shop.clock()
    await shop.fund(buyer, "10.00")
    shop.clock.forward(seconds=61)

    again = await shop.call("Pay", request)
    third = await shop.call("Pay", request)

    assert first.code == again.code == "InsufficientBalance"
    note = f" (first answered at {at:%Y-%m-%dT%H:%M:%SZ}; this CallerReference is spent)"
    assert "first answered" not in first.message
    assert again.message == third.message == first.message + note
    assert (await shop.call("Pay", request | {"CallerReference": "order-8"})).code is None
    assert await shop.balance(buyer) == usd("9.00")


async def test_a_retry_counts_as_the_same_request_however_it_is_sent(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    request = shop.pay_parameters(buyer, "1.00") | {"CallerDescription": "a song & more"}

    answers = [
        await shop.call("Pay", request, way="GET"),
        await shop.call("Pay", dict(reversed(request.items())), way="POST with a query string"),
        await shop.call("Pay", request | {"SignatureMethod": "HmacSHA1", "SenderDescription": ""}),
        await shop.call("Pay", request | {"TransactionAmount.Value": "1"}),
        await shop.call("Pay", request | {"TransactionAmount.Value": "01.000000"}),
    ]

    assert len({answer.value("TransactionId") for answer in answers}) == 1
    assert await shop.balance(buyer) == usd("9.00")


async def test_funding_by_card_is_pending_until_the_rail_answers(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer(method=Method.CC)

    funding = await shop.fund(buyer, "10.00")

    assert funding.value("TransactionStatus") == "Pending"
    balance = await shop.done("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    assert balance.amount("AvailableBalance") == 0
    assert balance.amount("PendingInBalance") == usd("10.00")
    waiting = await shop.done("GetAccountBalance")
    assert waiting.amount("AccountBalance/PendingInBalance") == usd("9.70")
    assert waiting.amount("AvailableBalances/RefundBalance") == 0

    await shop.rail_answers()

    status = await shop.done("GetTransactionStatus", {"TransactionId": funding.value("TransactionId")})
    assert status.value("TransactionStatus") == "Success"
    assert status.value("StatusCode") == "Success"
    assert await shop.balance(buyer) == usd("10.00")
    assert await shop.cash() == usd("9.70")
    detail = await shop.done("GetTransaction", {"TransactionId": funding.value("TransactionId")})
    assert detail.values("StatusHistory/TransactionStatus") == ["Pending", "Success"]
    assert detail.values("StatusHistory/StatusCode") == ["PendingNetworkResponse", "Success"]


async def test_funding_that_fails_leaves_nothing_behind(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer(method=Method.CC)

    funding = await shop.fund(buyer, "10.61")
    assert funding.value("TransactionStatus") == "Pending"
    await shop.rail_answers()

    status = await shop.done("GetTransactionStatus", {"TransactionId": funding.value("TransactionId")})
    assert status.value("TransactionStatus") == "Failure"
    assert status.value("StatusMessage")
    balance = await shop.done("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    assert balance.amount("AvailableBalance") == 0
    assert balance.amount("PendingInBalance") == 0
    assert await shop.cash() == 0


async def test_the_wrong_token_of_the_set_is_refused(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    swapped = shop.pay_parameters(buyer, "1.00") | {"SenderTokenId": buyer.money}

    assert await shop.refused("Pay", swapped) == "IncompatibleTokens"
    funding = {
        "SenderTokenId": buyer.spending,
        "PrepaidInstrumentId": buyer.instrument,
        **amount("FundingAmount", "1.00"),
        "CallerReference": shop.reference(),
    }
    assert await shop.refused("FundPrepaid", funding) == "IncompatibleTokens"


async def test_an_instrument_of_a_book_that_no_database_has_is_malformed(shop: Shop) -> None:
    """Ids have room for larger numbers than the database: one of those would spoil the statement that callers share."""
    beyond = make_token_or_instrument_id(IdKind.PREPAID_INSTRUMENT, BookId(2**63), bytes(27))
    answer = await shop.call("GetPrepaidBalance", {"PrepaidInstrumentId": beyond})
    assert answer.code == "InvalidParams"
