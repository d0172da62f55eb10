"""Three parties: what each of them is told about a payment, and what subscriptions tell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.stories.api.causes.provoking import other_shop, payer
from tests.stories.api.good_requests import ShopSetup
from tests.support.shop import Answer, Shop, amount, usd

from tallystick.domain.commands import AmountRule, InstallToken, LimitTerms, Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import IdKind, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.outcomes import Done
from tallystick.domain.periods import Period
from tallystick.services.api.fields import V2010, V2011
from tallystick.web.api.xml import namespace


async def token_of(shop: Shop, recipient: Shop) -> str:
    """`recipient` lets `shop` receive on its behalf, for a share of up to 10 % and 0.50."""
    token_id = TokenId(shop.books.token(IdKind.RECIPIENT))
    terms = TokenTerms(max_fixed_fee_micros=usd("0.50"), max_variable_fee_ppm=100_000)
    command = InstallToken(
        token_id=token_id,
        purpose=TokenPurpose.RECIPIENT,
        token_type=TokenType.UNRESTRICTED,
        sender_id=recipient.key.party_id,
        caller_reference=shop.reference(),
        method=None,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        terms=terms,
    )
    assert await shop.books.perform(command) == Done()
    return token_id


async def marketplace_payment(shop: Shop, recipient: Shop, method: Method = Method.ABT) -> tuple[str, str]:
    """10.00 with a share of 10 % and 0.50; the transaction and the recipient's token."""
    token = await token_of(shop, recipient)
    params = shop.pay_parameters(await payer(shop, method), "10.00") | {
        "RecipientTokenId": token,
        **amount("MarketplaceFixedFee", "0.50"),
        "MarketplaceVariableFee": "10",
        "SenderDescription": "A record",
        "CallerDescription": "for our books",
    }
    return (await shop.done("Pay", params)).value("TransactionId"), token


async def listed(shop: Shop, **filters: str) -> Answer:
    start = (shop.clock() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return await shop.done("GetAccountActivity", {"StartDate": start, **filters})


async def test_caller_and_recipient_see_their_own_sides(shop: Shop) -> None:
    band = await other_shop(shop)
    paid, token = await marketplace_payment(shop, band)

    assert (await shop.cash(), await band.cash()) == (usd("1.50"), usd("8.20"))
    for asking in (shop, band):
        detail = await asking.done("GetTransaction", {"TransactionId": paid})
        assert detail.value("RecipientName") == "Other shop"
        assert detail.value("CallerName") == "Music Shop"
        assert detail.values("CallerDescription") == (["for our books"] if asking is shop else [])
        assert detail.value("RecipientTokenId") == token
        assert detail.amount("MarketplaceFees") == usd("1.50")
        assert detail.value("FPSFeesPaidBy") == "Recipient"
        status = await asking.done("GetTransactionStatus", {"TransactionId": paid})
        assert status.value("TransactionStatus") == "Success"
    assert (await shop.done("GetTransaction", {"TransactionId": paid})).values("SenderEmail") == []
    stranger = await other_shop(shop)
    assert (await stranger.call("GetTransaction", {"TransactionId": paid})).code == "InvalidTransactionId"

    own, theirs = await listed(shop), await listed(band)
    assert own.values("TransactionPart/Role") == ["Caller"]
    assert own.values("TransactionPart/FeesPaid/Value") == ["0.000000"]
    assert own.values("TransactionPart/Description") == ["for our books"]
    assert own.value("Balance/Value") == "1.500000"
    assert theirs.values("TransactionPart/Role") == ["Recipient"]
    assert theirs.values("TransactionPart/FeesPaid/Value") == ["0.300000"]
    assert theirs.values("TransactionPart/Description") == ["A record"]
    assert theirs.value("Balance/Value") == "8.200000"
    assert (await listed(stranger)).value("BatchSize") == "0"


async def test_roles_filter_what_each_party_sees(shop: Shop) -> None:
    band = await other_shop(shop)
    paid, _ = await marketplace_payment(shop, band)
    whole = {"TransactionId": paid, "CallerReference": "back", **amount("RefundAmount", "5.00")}
    shop.clock.forward(seconds=1)
    await shop.done("Refund", whole)
    shop.clock.forward(seconds=1)
    share = {"TransactionId": paid, "CallerReference": "share", "MarketplaceRefundPolicy": "MarketplaceTxnOnly"}
    await shop.done("Refund", share)

    async def seen(asking: Shop, role: str) -> list[str]:
        answer = await listed(asking, **{"Role.1": role, "SortOrderByDate": "Ascending"})
        return answer.values("Transaction/TransactionAmount/Value")

    assert await seen(shop, "Caller") == ["10.000000", "5.000000", "1.500000"]
    assert await seen(shop, "Sender") == ["1.500000"], "the share goes back from the caller"
    assert await seen(shop, "Recipient") == []
    assert await seen(band, "Recipient") == ["10.000000", "1.500000"]
    assert await seen(band, "Sender") == ["5.000000"]
    refunds = (await listed(shop, FPSOperation="Refund")).values("Transaction/TransactionId")
    details = [await shop.done("GetTransaction", {"TransactionId": refund}) for refund in refunds]
    payers = [(detail.value("SenderName"), detail.value("FPSFeesPaidBy")) for detail in details]
    assert payers == [("Music Shop", "Recipient"), ("Other shop", "Sender")], "each time the other shop"
    related = await band.done("GetTransaction", {"TransactionId": paid})
    assert related.values("RelatedTransaction/RelationType") == ["Refund", "Refund"]
    assert (await shop.cash(), await band.cash()) == (0, usd("4.85"))


async def test_money_on_its_way_shows_with_whom_it_is_for(shop: Shop) -> None:
    band = await other_shop(shop)
    await marketplace_payment(shop, band, Method.CC)

    own, theirs = await shop.done("GetAccountBalance"), await band.done("GetAccountBalance")
    assert own.amount("PendingInBalance") == usd("1.50")
    assert theirs.amount("PendingInBalance") == usd("8.20")
    await shop.rail_answers()
    assert (await shop.cash(), await band.cash()) == (usd("1.50"), usd("8.20"))
    assert (await band.done("GetAccountBalance")).amount("PendingInBalance") == 0


async def test_a_caller_may_pay_from_its_own_account_to_others(shop: Shop) -> None:
    band = await other_shop(shop)
    text = "MyRole == 'Sender'; string PaymentMethod := 'abt';"
    params = {"PaymentInstruction": text, "TokenType": "Unrestricted", "CallerReference": shop.reference()}
    own = (await shop.done("InstallPaymentInstruction", params)).value("TokenId")
    pay = {"SenderTokenId": own, **amount("TransactionAmount", "1.00"), "CallerReference": shop.reference()}
    assert (await shop.call("Pay", pay)).code == "SameSenderAndRecipient"
    pay["CallerReference"] = shop.reference()

    refused = await shop.call("Pay", pay | {"RecipientTokenId": await token_of(shop, band)})

    assert refused.code == "InsufficientBalance", "nothing is on the account that the token pays from"


async def test_a_reservation_tells_every_status_with_its_amount(shop: Shop) -> None:
    reserved = await ShopSetup(shop).reservation()
    await shop.done("Settle", {"ReserveTransactionId": reserved, **amount("TransactionAmount", "3.00")})
    await shop.rail_answers()

    detail = await shop.done("GetTransaction", {"TransactionId": reserved})

    statuses = detail.values("StatusHistory/TransactionStatus")
    amounts = detail.values("StatusHistory/Amount/Value")
    assert list(zip(statuses, amounts, strict=True)) == [
        ("Pending", "5.000000"),
        ("Reserved", "5.000000"),
        ("Pending", "3.000000"),
        ("Success", "3.000000"),
    ]
    assert detail.amount("TransactionAmount") == usd("3.00")


async def test_cancelling_keeps_the_reason(shop: Shop) -> None:
    reserved = await ShopSetup(shop).reservation()
    cancelled = await shop.done("Cancel", {"TransactionId": reserved, "Description": "sold out"})

    assert cancelled.value("TransactionStatus") == "Cancelled"
    status = await shop.done("GetTransactionStatus", {"TransactionId": reserved})
    assert (status.value("StatusCode"), status.value("StatusMessage")) == ("Canceled", "sold out")


@pytest.mark.parametrize("action", ["Pay", "FundPrepaid", "SettleDebt"])
async def test_what_is_not_asked_for_in_time_expires(shop: Shop, action: str) -> None:
    late = {"TransactionTimeoutInMins": "5"}
    if action == "Pay":
        buyer = await payer(shop, Method.CC)
        opened = await shop.done("Pay", shop.pay_parameters(buyer, "5.00") | late)
    else:
        prepaid = action == "FundPrepaid"
        make = shop.books.prepaid_buyer if prepaid else shop.books.postpaid_buyer
        buyer = await make(method=Method.CC)
        names = ("PrepaidInstrumentId", "FundingAmount") if prepaid else ("CreditInstrumentId", "SettlementAmount")
        if not prepaid:
            await shop.pay(buyer, "5.00")
        params = {"SenderTokenId": buyer.money, names[0]: buyer.instrument, **amount(names[1], "5.00")}
        opened = await shop.done(action, params | late | {"CallerReference": shop.reference()})
    transaction_id = opened.value("TransactionId")
    await shop.service.pool.execute(
        "UPDATE rail_request SET due_at = (due_at AT TIME ZONE 'UTC' + interval '1 hour') AT TIME ZONE 'UTC'"
        " WHERE transaction_id = $1",
        transaction_id,
    )
    shop.clock.forward(minutes=5)
    await shop.worker.step()

    status = await shop.done("GetTransactionStatus", {"TransactionId": transaction_id})

    assert (status.value("TransactionStatus"), status.value("StatusCode")) == ("Failure", "Expired")


async def test_a_subscription_from_its_start_to_its_end(shop: Shop) -> None:
    buyer = await ShopSetup(shop).payer(token_type=TokenType.RECURRING)
    named = {"SubscriptionId": buyer.spending}
    before = await shop.done("GetSubscriptionDetails", named)
    assert before.value("NumberOfTransactionsProcessed") == "0"
    none_yet = {**named, **amount("RefundAmount", "1.00"), "CallerReference": "none"}
    assert (await shop.call("CancelSubscriptionAndRefund", none_yet)).code == "InvalidSubscriptionState"
    await shop.pay(buyer, "5.00")
    assert (await shop.pay(buyer, "5.00")).code == "TokenUsageError"
    shop.clock.forward(days=31)
    second = await shop.pay(buyer, "5.00")

    details = await shop.done("GetSubscriptionDetails", named)
    assert details.amount("SubscriptionAmount") == usd("5.00")
    assert details.value("SubscriptionFrequency/Value") == "1"
    assert details.value("SubscriptionFrequency/TimeUnit") == "month"
    assert details.value("SubscriptionStatus") == "Active"
    assert details.value("NumberOfTransactionsProcessed") == "2"
    assert details.value("NextTransactionDate") > shop.clock().isoformat()
    payments = await shop.done("GetTransactionsForSubscription", named)
    assert payments.values("TransactionSerialNumber") == ["1", "2"]
    assert payments.values("TransactionId")[-1] == second.value("TransactionId")

    refund = {**named, **amount("RefundAmount", "2.00"), "CancelReason": "moved away"}
    assert (await shop.call("CancelSubscriptionAndRefund", refund)).code == "InvalidParams"
    refund["CallerReference"] = "goodbye"
    ended = await shop.done("CancelSubscriptionAndRefund", refund)
    again = await shop.done("CancelSubscriptionAndRefund", refund)
    assert again.value("RefundTransactionId") == ended.value("RefundTransactionId")
    detail = await shop.done("GetTransaction", {"TransactionId": ended.value("RefundTransactionId")})
    assert detail.value("CallerDescription") == "moved away"
    assert detail.value("RelatedTransaction/TransactionId") == second.value("TransactionId")
    assert (await shop.done("GetSubscriptionDetails", named)).value("SubscriptionStatus") == "Cancelled"
    assert (await shop.call("CancelSubscriptionAndRefund", named)).code == "InvalidSubscriptionState"
    assert (await shop.pay(buyer, "5.00")).code == "TokenNotActive_Sender"
    more = refund | {"CallerReference": "a little more"}
    await shop.done("CancelSubscriptionAndRefund", more)


@pytest.mark.parametrize("text", ["7999 Years", "99999 Months"])
async def test_a_period_that_no_calendar_holds_has_no_next_payment(shop: Shop, text: str) -> None:
    terms = TokenTerms(AmountRule.EXACT, usd("5.00"))
    once = (LimitTerms(LimitKind.COUNT, 1, Period.parse(text)),)
    buyer = await shop.books.sender_token(Method.ABT, TokenType.RECURRING, terms, once)
    await shop.books.deposit(buyer, "50.00")
    named = {"SubscriptionId": buyer.spending}
    due = await shop.done("GetSubscriptionDetails", named)
    assert len(due.values("NextTransactionDate")) == 1
    await shop.pay(buyer, "5.00")

    details = await shop.done("GetSubscriptionDetails", named)

    assert details.value("SubscriptionStatus") == "Active"
    assert details.values("NextTransactionDate") == []
    assert (await shop.done("GetTokenUsage", {"TokenId": buyer.spending})).value("TokenUsageLimits/Count") == "1"
    assert (await shop.pay(buyer, "5.00")).code == "TokenUsageError"


async def test_subscriptions_of_others_and_other_tokens_are_none(shop: Shop) -> None:
    stranger = await ShopSetup(await other_shop(shop)).payer(token_type=TokenType.RECURRING)
    plain = await payer(shop)
    for named in (stranger.spending, plain.spending, "x", shop.books.token(IdKind.SENDER)):
        for action in ("GetSubscriptionDetails", "GetTransactionsForSubscription", "CancelSubscriptionAndRefund"):
            answer = await shop.call(action, {"SubscriptionId": named})
            assert answer.code == "InvalidParams", (action, named)
            assert "subscription ID" in answer.message


async def test_verification_of_recipients(shop: Shop) -> None:
    band = await other_shop(shop)
    named = {"RecipientTokenId": await token_of(shop, band)}

    async def told() -> list[str]:
        """In the words of either version."""
        words = []
        for version in (V2010, V2011):
            answer = await shop.done("GetRecipientVerificationStatus", {**named, "Version": version})
            words.append(answer.value("RecipientVerificationStatus", namespace(version)))
        return words

    execute = shop.service.pool.execute
    assert await told() == ["VerificationComplete", "Active"]
    await execute("UPDATE party SET verified_at = created_at WHERE party_id = $1", band.key.party_id)
    assert await told() == ["VerificationCompleteNoLimits", "Active"]
    await execute("UPDATE party SET email_verified_at = NULL WHERE party_id = $1", band.key.party_id)
    assert await told() == ["VerificationPending", "PendingUserAction"]
    await execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", band.key.party_id)
    assert await told() == ["VerificationPending", "PendingReview"]
    await execute("UPDATE party SET status = 'closed' WHERE party_id = $1", band.key.party_id)
    assert await told() == ["VerificationPending", "Closed"]
    await shop.done("CancelToken", {"TokenId": named["RecipientTokenId"]})
    assert (await shop.call("GetRecipientVerificationStatus", named)).code == "TokenNotActive_Recipient"
    sender = {"RecipientTokenId": (await payer(shop)).spending}
    assert (await shop.call("GetRecipientVerificationStatus", sender)).code == "InvalidTokenId_Recipient"
