"""For every code that the API can send, a way to provoke it: a call that ends in just this refusal."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
from tests.ledger.shop import Buyer
from tests.schemas import CHECKED
from tests.stories.good_requests import World, good_request, recipient_token
from tests.stories.storefront import Answer, Shop, amount

from tallystick.actions.fee_schedules import read_fee_schedules
from tallystick.domain.commands import LimitTerms, Method, TokenTerms, TokenType
from tallystick.domain.ids import IdKind, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.standing import Demands
from tallystick.ledger import access_keys, parties
from tallystick.ledger.committer import Committer
from tallystick.ledger.connections import Pool
from tallystick.ledger.database import open_pool
from tallystick.ledger.rules import Rules
from tallystick.web.query_api import QueryApi

Cause = Callable[[Shop], Awaitable[Answer]]
CAUSES: dict[str, Cause] = {}

CARD = Method.CC


def causes(code: str) -> Callable[[Cause], Cause]:
    def register(cause: Cause) -> Cause:
        assert CAUSES.setdefault(code, cause) is cause
        return cause

    return register


def in_process(
    shop: Shop,
    *,
    demands: Demands | None = None,
    rules: Rules | None = None,
    pool: Pool | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Shop:
    """The same shop at a service of its own on the same books, with other rules or a fault."""
    rules = rules or Rules(read_fee_schedules(None), simulate_faults=True, demands=demands or Demands())
    used = pool or shop.service.pool
    service = replace(
        shop.service,
        pool=used,
        committer=Committer(used, rules, shop.clock),
        clock=clock or shop.service.clock,
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(QueryApi(service)), **CHECKED)
    return replace(shop, service=service, client=client, url="http://pay.example")


async def payer(shop: Shop, method: Method = Method.ABT, **more: object) -> Buyer:
    buyer = await shop.books.sender_token(method, **more)  # type: ignore[arg-type]
    await shop.books.deposit(buyer, "50.00")
    return buyer


async def paid(shop: Shop, value: str = "5.00", method: Method = Method.ABT) -> str:
    answer = await shop.pay(await payer(shop, method), value)
    return answer.value("TransactionId")


async def reserved(shop: Shop) -> str:
    return await World(shop).reservation()


async def third_party(shop: Shop, **more: str) -> dict[str, str]:
    buyer = await payer(shop)
    return shop.pay_parameters(buyer, "5.00") | {"RecipientTokenId": await recipient_token(shop)} | more


async def standing(shop: Shop, party_id: int, column: str, value: object) -> None:
    await shop.service.pool.execute(f"UPDATE party SET {column} = $2 WHERE party_id = $1", party_id, value)  # noqa: S608


async def recipient_of(shop: Shop, token_id: str) -> int:
    return int(await shop.service.pool.fetchval("SELECT sender_party_id FROM token WHERE token_id = $1", token_id))


async def other_shop(shop: Shop) -> Shop:
    service = shop.service
    async with service.pool.acquire() as connection:
        email = f"{secrets.token_hex(8)}@shop.example"
        party = await parties.create_business(connection, email, "Other shop", shop.clock())
    key = await access_keys.create(service.pool, service.vault, party.party_id, "sandbox", shop.clock())
    assert key.book_id is not None
    return replace(shop, key=key, books=replace(shop.books, party_id=party.party_id, book_id=key.book_id))


# accounts


@causes("AccessFailure")
async def access_failure(shop: Shop) -> Answer:
    return await shop.pay(await payer(shop), "2.61")


@causes("AccountClosed")
async def account_closed(shop: Shop) -> Answer:
    await standing(shop, shop.key.party_id, "status", "closed")
    return await shop.call("GetAccountBalance")


@causes("AccountLimitsExceeded")
async def account_limits_exceeded(shop: Shop) -> Answer:
    strict = in_process(shop, demands=Demands(spending_limit_micros=parse_amount("4.99")))
    return await strict.pay(await payer(shop), "5.00")


@causes("AuthFailure")
async def auth_failure(shop: Shop) -> Answer:
    service = shop.service
    live = await access_keys.create(service.pool, service.vault, shop.key.party_id, "live", shop.clock())
    return await shop.with_key(live).call("GetAccountBalance")


@causes("InvalidAccountState")
async def invalid_account_state(shop: Shop) -> Answer:
    await standing(shop, shop.key.party_id, "status", "suspended")
    return await shop.call("InstallPaymentInstruction", await good_request(shop, "InstallPaymentInstruction"))


@causes("InvalidAccountState_Caller")
async def invalid_account_state_caller(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await standing(shop, shop.key.party_id, "status", "suspended")
    return await shop.pay(buyer, "1.00")


@causes("InvalidAccountState_Recipient")
async def invalid_account_state_recipient(shop: Shop) -> Answer:
    params = await third_party(shop)
    await standing(shop, await recipient_of(shop, params["RecipientTokenId"]), "status", "suspended")
    return await shop.call("Pay", params)


@causes("InvalidAccountState_Sender")
async def invalid_account_state_sender(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await standing(shop, buyer.party_id, "status", "suspended")
    return await shop.pay(buyer, "1.00")


@causes("InvalidRecipientForCCTransaction")
async def invalid_recipient_for_c_c_transaction(shop: Shop) -> Answer:
    await standing(shop, shop.key.party_id, "receives_cards", value=False)
    return await shop.pay(await payer(shop, CARD), "5.00")


@causes("TransactionDenied")
async def transaction_denied(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await standing(shop, buyer.party_id, "denied", value=True)
    return await shop.pay(buyer, "1.00")


@causes("NotMarketplaceApp")
async def not_marketplace_app(shop: Shop) -> Answer:
    await standing(shop, shop.key.party_id, "marketplace", value=False)
    return await shop.call("Pay", await third_party(shop))


@causes("UnverifiedAccount_Recipient")
async def unverified_account_recipient(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await standing(shop, buyer.party_id, "verified_at", shop.clock())
    return await in_process(shop, demands=Demands(verified_account=True)).pay(buyer, "5.00")


@causes("UnverifiedAccount_Sender")
async def unverified_account_sender(shop: Shop) -> Answer:
    return await in_process(shop, demands=Demands(verified_account=True)).pay(await payer(shop), "5.00")


@causes("UnverifiedBankAccount")
async def unverified_bank_account(shop: Shop) -> Answer:
    buyer = await payer(shop, Method.ACH)
    for party in (buyer.party_id, shop.key.party_id):
        await standing(shop, party, "verified_at", shop.clock())
    return await in_process(shop, demands=Demands(verified_account=True)).pay(buyer, "5.00")


@causes("UnverifiedEmailAddress_Caller")
async def unverified_email_address_caller(shop: Shop) -> Answer:
    await standing(shop, shop.key.party_id, "email_verified_at", None)
    return await in_process(shop, demands=Demands(verified_email=True)).pay(await payer(shop), "5.00")


@causes("UnverifiedEmailAddress_Recipient")
async def unverified_email_address_recipient(shop: Shop) -> Answer:
    params = await third_party(shop)
    sender = await recipient_of(shop, params["SenderTokenId"])
    await standing(shop, sender, "email_verified_at", shop.clock())
    await standing(shop, await recipient_of(shop, params["RecipientTokenId"]), "email_verified_at", None)
    return await in_process(shop, demands=Demands(verified_email=True)).call("Pay", params)


@causes("UnverifiedEmailAddress_Sender")
async def unverified_email_address_sender(shop: Shop) -> Answer:
    return await in_process(shop, demands=Demands(verified_email=True)).pay(await payer(shop), "5.00")


# amounts and limits


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


# tokens and instruments


@causes("IncompatibleTokens")
async def incompatible_tokens(shop: Shop) -> Answer:
    return await shop.pay(await payer(shop, terms=TokenTerms(recipient_tokens=("another",))), "1.00")


@causes("InactiveInstrument")
async def inactive_instrument(shop: Shop) -> Answer:
    buyer = await payer(shop, CARD)
    yesterday = (shop.clock() - timedelta(days=1)).date()
    await shop.service.pool.execute(
        "UPDATE payment_method SET expires_on = $2 WHERE party_id = $1", buyer.party_id, yesterday
    )
    return await shop.pay(buyer, "1.00")


@causes("InstrumentAccessDenied")
async def instrument_access_denied(shop: Shop) -> Answer:
    stranger = await (await other_shop(shop)).books.prepaid_buyer()
    return await shop.call("GetPrepaidBalance", {"PrepaidInstrumentId": stranger.instrument})


@causes("InstrumentExpired")
async def instrument_expired(shop: Shop) -> Answer:
    buyer = await shop.books.prepaid_buyer(expires_at=shop.clock() + timedelta(seconds=1))
    shop.clock.forward(seconds=1)
    return await shop.pay(buyer, "1.00")


@causes("InvalidPaymentInstrument")
async def invalid_payment_instrument(shop: Shop) -> Answer:
    buyer = await payer(shop, CARD)
    await shop.service.pool.execute(
        "UPDATE payment_method SET removed_at = created_at WHERE party_id = $1", buyer.party_id
    )
    return await shop.pay(buyer, "1.00")


@causes("InvalidPaymentMethod")
async def invalid_payment_method(shop: Shop) -> Answer:
    text = {"PaymentInstruction": "MyRole == 'Sender'; string PaymentMethod := 'gold';", "TokenType": "Unrestricted"}
    return await shop.call("InstallPaymentInstruction", text | {"CallerReference": shop.reference()})


@causes("InvalidSenderRoleForAccountType")
async def invalid_sender_role_for_account_type(shop: Shop) -> Answer:
    buyer = replace(await payer(shop), spending=TokenId(await recipient_token(shop)))
    return await shop.pay(buyer, "1.00")


@causes("InvalidTokenId")
async def invalid_token_id(shop: Shop) -> Answer:
    return await shop.call("CancelToken", {"TokenId": shop.books.token(IdKind.SENDER)})


@causes("InvalidTokenId_Recipient")
async def invalid_token_id_recipient(shop: Shop) -> Answer:
    stranger = await recipient_token(await other_shop(shop))
    return await shop.call("Pay", await third_party(shop, RecipientTokenId=stranger))


@causes("InvalidTokenId_Sender")
async def invalid_token_id_sender(shop: Shop) -> Answer:
    return await shop.pay(await payer(await other_shop(shop)), "1.00")


@causes("InvalidTokenType")
async def invalid_token_type(shop: Shop) -> Answer:
    buyer = await payer(shop, token_type=TokenType.SINGLE_USE)
    return await shop.call("GetTokenUsage", {"TokenId": buyer.spending})


@causes("PaymentInstrumentNotCC")
async def payment_instrument_not_c_c(shop: Shop) -> Answer:
    return await shop.call("Reserve", shop.pay_parameters(await payer(shop, Method.ACH), "5.00"))


@causes("PaymentMethodNotDefined")
async def payment_method_not_defined(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await shop.service.pool.execute("UPDATE token SET payment_method = NULL WHERE token_id = $1", buyer.spending)
    return await shop.pay(buyer, "1.00")


@causes("SameSenderAndRecipient")
async def same_sender_and_recipient(shop: Shop) -> Answer:
    text = "MyRole == 'Sender'; string PaymentMethod := 'abt';"
    params = {"PaymentInstruction": text, "TokenType": "Unrestricted", "CallerReference": shop.reference()}
    own = await shop.done("InstallPaymentInstruction", params)
    return await shop.call(
        "Pay",
        {
            "SenderTokenId": own.value("TokenId"),
            **amount("TransactionAmount", "1.00"),
            "CallerReference": shop.reference(),
        },
    )


@causes("SameTokenIdUsedMultipleTimes")
async def same_token_id_used_multiple_times(shop: Shop) -> Answer:
    buyer = await payer(shop, token_type=TokenType.SINGLE_USE)
    await shop.pay(buyer, "1.00")
    return await shop.pay(buyer, "1.00")


@causes("TokenAccessDenied")
async def token_access_denied(shop: Shop) -> Answer:
    stranger = await payer(await other_shop(shop))
    return await shop.call("CancelToken", {"TokenId": stranger.spending})


@causes("TokenNotActive")
async def token_not_active(shop: Shop) -> Answer:
    token = {"TokenId": (await payer(shop)).spending}
    await shop.done("CancelToken", token)
    return await shop.call("CancelToken", token)


@causes("TokenNotActive_Recipient")
async def token_not_active_recipient(shop: Shop) -> Answer:
    params = await third_party(shop)
    await shop.done("CancelToken", {"TokenId": params["RecipientTokenId"]})
    return await shop.call("Pay", params)


@causes("TokenNotActive_Sender")
async def token_not_active_sender(shop: Shop) -> Answer:
    buyer = await payer(shop)
    await shop.done("CancelToken", {"TokenId": buyer.spending})
    return await shop.pay(buyer, "1.00")


# transactions and references


@causes("ConcurrentModification")
async def concurrent_modification(shop: Shop) -> Answer:
    buyer = await shop.books.funded_buyer("10.00")
    dsn = shop.service.settings.database_url
    assert dsn is not None
    async with (
        await open_pool(dsn, max_size=2, lock_timeout_ms=50) as impatient,
        shop.service.pool.acquire() as rival,
        rival.transaction(),
    ):
        await rival.execute("SELECT FROM account WHERE subject = $1 FOR UPDATE", buyer.instrument)
        return await in_process(shop, pool=impatient).pay(buyer, "1.00")


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


# the form of a request


@causes("InvalidDateRange")
async def invalid_date_range(shop: Shop) -> Answer:
    tomorrow = (shop.clock() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return await shop.call("GetAccountActivity", {"StartDate": tomorrow})


@causes("InvalidParams")
async def invalid_params(shop: Shop) -> Answer:
    return await shop.call("GetTransaction", {"TransactionId": "1" * 35})


@causes("InvalidClientTokenId")
async def invalid_client_token_id(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"AWSAccessKeyId": "AK00000000000000ZZZZ"})


@causes("SignatureDoesNotMatch")
async def signature_does_not_match(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"Signature": "AAAA"})


@causes("InvalidSignature")
async def invalid_signature(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"Signature": "not base64!"})


@causes("InvalidRequest")
async def invalid_request(shop: Shop) -> Answer:
    return await shop.call("GetTokenByCaller", {"callerReference": "x"})


@causes("InvalidParameterValue")
async def invalid_parameter_value(shop: Shop) -> Answer:
    return await shop.call("GetAccountBalance", {"Timestamp": "yesterday"})


@causes("RequestExpired")
async def request_expired(shop: Shop) -> Answer:
    stale = (shop.clock() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return await shop.call("GetAccountBalance", {"Timestamp": stale})


@causes("InternalError")
async def internal_error(shop: Shop) -> Answer:
    def broken() -> datetime:
        raise RuntimeError("the clock fell off the wall")

    return await in_process(shop, clock=broken).call("GetAccountBalance")
