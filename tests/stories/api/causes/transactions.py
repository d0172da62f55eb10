"""Refusals because of an earlier transaction or its reference."""

from __future__ import annotations

from tests.stories.api.causes.provoking import CARD, beside_a_rival, causes, other_shop, paid, payer
from tests.stories.api.good_requests import good_request
from tests.support.shop import Answer, Shop


@causes("ConcurrentModification")
async def concurrent_modification(shop: Shop) -> Answer:
    buyer = await shop.books.funded_buyer("10.00")
    async with beside_a_rival(shop, "SELECT FROM account WHERE subject = $1 FOR UPDATE", buyer.instrument) as impatient:
        return await impatient.pay(buyer, "1.00")


@causes("DuplicateRequest")
async def duplicate_request(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await shop.pay(buyer, "1.00", reference="order-7")
    return await shop.pay(buyer, "2.00", reference="order-7")


@causes("InvalidCallerReference")
async def invalid_caller_reference(shop: Shop) -> Answer:
    return await shop.call("GetTokenByCaller", {"CallerReference": "never used"})


@causes("InvalidTransactionId")
async def invalid_transaction_id(shop: Shop) -> Answer:
    return await shop.refund(await paid(await other_shop(shop)))


@causes("InvalidTransactionState")
async def invalid_transaction_state(shop: Shop) -> Answer:
    return await shop.call("Cancel", {"TransactionId": await paid(shop)})


@causes("OriginalTransactionFailed")
async def original_transaction_failed(shop: Shop) -> Answer:
    declined = await paid(shop, "2.71", CARD)
    await shop.rail_answers()
    return await shop.refund(declined)


@causes("OriginalTransactionIncomplete")
async def original_transaction_incomplete(shop: Shop) -> Answer:
    return await shop.refund(await paid(shop, "5.00", CARD))


@causes("TransactionFullyRefundedAlready")
async def transaction_fully_refunded_already(shop: Shop) -> Answer:
    transaction_id = await paid(shop)
    await shop.refund(transaction_id)
    return await shop.refund(transaction_id)


@causes("TransactionTypeNotRefundable")
async def transaction_type_not_refundable(shop: Shop) -> Answer:
    buyer = await shop.books.prepaid_buyer()
    await shop.books.deposit(buyer, "10.00")
    return await shop.refund((await shop.fund(buyer, "10.00")).value("TransactionId"))


@causes("InvalidSubscriptionState")
async def invalid_subscription_state(shop: Shop) -> Answer:
    params = {"SubscriptionId": (await good_request(shop, "CancelSubscriptionAndRefund"))["SubscriptionId"]}
    await shop.done("CancelSubscriptionAndRefund", params)
    return await shop.call("CancelSubscriptionAndRefund", params)
