"""For every action a request that succeeds, with every field given where the fields do not exclude each other."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.support.books import Buyer
from tests.support.shop import Shop

from tallystick.domain.commands import AmountRule, LimitTerms, Method, TokenTerms, TokenType
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.periods import Period
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.store.accounts import parties


@dataclass(frozen=True)
class ShopSetup:
    """A shop, and how to bring about what a request needs."""

    shop: Shop

    async def payer(self, method: Method = Method.ABT, token_type: TokenType = TokenType.MULTI_USE) -> Buyer:
        terms, limits = TokenTerms(), tuple[LimitTerms, ...]()
        if token_type is TokenType.RECURRING:
            terms = TokenTerms(AmountRule.EXACT, parse_amount("5.00"))
            limits = (LimitTerms(LimitKind.COUNT, 1, Period(1, "Month")),)
        buyer = await self.shop.books.sender_token(method, token_type, terms, limits)
        await self.shop.books.deposit(buyer, "50.00")
        return buyer

    async def reservation(self) -> str:
        params = self.shop.pay_parameters(await self.payer(Method.CC), "5.00")
        reserved = await self.shop.done("Reserve", params)
        await self.shop.rail_answers()
        return reserved.value("TransactionId")


async def recipient_token(shop: Shop) -> str:
    """A token by which another seller lets this shop receive, and agrees to marketplace fees."""
    async with shop.service.pool.acquire() as connection:
        email = f"{secrets.token_hex(8)}@seller.example"
        seller = await parties.create_business(connection, email, "Band", shop.clock())
    terms = TokenTerms(max_fixed_fee_micros=parse_amount("1.00"), max_variable_fee_ppm=100_000)
    return await shop.books.recipient_token(replace(shop.books, party_id=seller.party_id), terms)


async def _pay(setup: ShopSetup, method: Method = Method.ABT) -> dict[str, str]:
    payer = await setup.payer(method)
    return {"SenderTokenId": payer.spending, "RecipientTokenId": await recipient_token(setup.shop)}


async def _reserve(setup: ShopSetup) -> dict[str, str]:
    return await _pay(setup, Method.CC)


async def _settle(setup: ShopSetup) -> dict[str, str]:
    return {"ReserveTransactionId": await setup.reservation()}


async def _cancel(setup: ShopSetup) -> dict[str, str]:
    return {"TransactionId": await setup.reservation()}


async def _transaction(setup: ShopSetup) -> dict[str, str]:
    buyer = await setup.shop.books.funded_buyer("10.00")
    return {"TransactionId": (await setup.shop.pay(buyer, "2.00")).value("TransactionId")}


async def _prepaid(setup: ShopSetup) -> dict[str, str]:
    buyer = await setup.shop.books.funded_buyer("10.00", limit="25.00")
    await setup.shop.books.deposit(buyer, "20.00")
    return {"SenderTokenId": buyer.money, "PrepaidInstrumentId": buyer.instrument, "TokenId": buyer.spending}


async def _postpaid(setup: ShopSetup) -> dict[str, str]:
    buyer = await setup.shop.books.postpaid_buyer()
    await setup.shop.books.deposit(buyer, "20.00")
    await setup.shop.pay(buyer, "5.00")
    return {"SenderTokenId": buyer.money, "CreditInstrumentId": buyer.instrument}


async def _instruction(setup: ShopSetup) -> dict[str, str]:
    text = {"PaymentInstruction": "MyRole == 'Recipient';", "CallerReference": setup.shop.reference()}
    installed = await setup.shop.done("InstallPaymentInstruction", text | {"TokenType": "Unrestricted"})
    return {"TokenId": installed.value("TokenId")}


async def _recipient(setup: ShopSetup) -> dict[str, str]:
    return {"RecipientTokenId": await recipient_token(setup.shop)}


async def _subscription(setup: ShopSetup) -> dict[str, str]:
    buyer = await setup.payer(token_type=TokenType.RECURRING)
    assert (await setup.shop.pay(buyer, "5.00")).code is None
    return {"SubscriptionId": buyer.spending}


_IDS: dict[str, Callable[[ShopSetup], Awaitable[dict[str, str]]]] = {
    "Pay": _pay,
    "Reserve": _reserve,
    "Settle": _settle,
    "Cancel": _cancel,
    "Refund": _transaction,
    "FundPrepaid": _prepaid,
    "SettleDebt": _postpaid,
    "WriteOffDebt": _postpaid,
    "GetPrepaidBalance": _prepaid,
    "GetDebtBalance": _postpaid,
    "GetTransaction": _transaction,
    "GetTransactionStatus": _transaction,
    "GetAccountActivity": _transaction,
    "GetTokenByCaller": _prepaid,
    "GetTokenUsage": _prepaid,
    "CancelToken": _prepaid,
    "GetTokens": _instruction,
    "GetPaymentInstruction": _instruction,
    "GetRecipientVerificationStatus": _recipient,
    "GetSubscriptionDetails": _subscription,
    "GetTransactionsForSubscription": _subscription,
    "CancelSubscriptionAndRefund": _subscription,
}


async def good_request(shop: Shop, action: str) -> dict[str, str]:
    """Parameters of 2010-08-28 with which `action` succeeds."""
    values = {
        "CallerReference": shop.reference(),
        "SenderDescription": "a song",
        "CallerDescription": "order 7",
        "Description": "no longer wanted",
        "TransactionTimeoutInMins": "60",
        "OverrideIPNURL": "https://shop.example/ipn",
        "MarketplaceVariableFee": "1.5",
        "ReasonText": "lost",
        "CancelReason": "moved away",
        "UrlEndPoint": "http://127.0.0.1:8000/return",
        "HttpParameters": "status=SA&signatureVersion=2&signature=AAAA&certificateUrl=http%3A%2F%2Fx%2Fcerts",
        "PaymentInstruction": "MyRole == 'Recipient';",
        "TokenFriendlyName": "Music shop",
        "PaymentReason": "songs",
    }
    if action in _IDS:
        values |= await _IDS[action](ShopSetup(shop))
    moment = shop.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    values |= {"MaxBatchSize": "20", "StartDate": moment, "EndDate": moment}
    params: dict[str, str] = {}
    for field in ACTIONS[action].tables[V2010].fields:
        if field.type == "Amount":
            value = "0.10" if field.name == "MarketplaceFixedFee" else "1.00"
            params |= {f"{field.name}.CurrencyCode": "USD", f"{field.name}.Value": value}
        elif field.type == "DescriptorPolicy":
            params |= {f"{field.name}.SoftDescriptorType": "Dynamic", f"{field.name}.CSOwner": "Caller"}
        elif field.allowed:
            params[f"{field.name}.1" if field.repeated else field.name] = field.allowed[0]
        elif field.name in values:
            params[field.name] = values[field.name]
    if action in {"GetTokenByCaller", "GetTokens"}:
        del params["CallerReference"]
    return params
