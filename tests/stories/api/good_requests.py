"""For every action a request that succeeds, with every field given where the fields do not exclude each other."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.books import Buyer
from tests.support.shop import Shop

from tallystick.domain.commands import AmountRule, InstallToken, LimitTerms, Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import IdKind, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Done
from tallystick.domain.periods import Period
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.store.accounts import parties


@dataclass(frozen=True)
class World:
    """A shop with what an action needs."""

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
    token_id = TokenId(shop.books.token(IdKind.RECIPIENT))
    command = InstallToken(
        token_id=token_id,
        purpose=TokenPurpose.RECIPIENT,
        token_type=TokenType.UNRESTRICTED,
        sender_id=seller.party_id,
        caller_reference=secrets.token_hex(8),
        method=None,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        terms=TokenTerms(max_fixed_fee_micros=parse_amount("1.00"), max_variable_fee_ppm=100_000),
    )
    assert await shop.books.perform(command) == Done()
    return token_id


async def _pay(world: World, method: Method = Method.ABT) -> dict[str, str]:
    payer = await world.payer(method)
    return {"SenderTokenId": payer.spending, "RecipientTokenId": await recipient_token(world.shop)}


async def _reserve(world: World) -> dict[str, str]:
    return await _pay(world, Method.CC)


async def _settle(world: World) -> dict[str, str]:
    return {"ReserveTransactionId": await world.reservation()}


async def _cancel(world: World) -> dict[str, str]:
    return {"TransactionId": await world.reservation()}


async def _transaction(world: World) -> dict[str, str]:
    buyer = await world.shop.books.funded_buyer("10.00")
    return {"TransactionId": (await world.shop.pay(buyer, "2.00")).value("TransactionId")}


async def _prepaid(world: World) -> dict[str, str]:
    buyer = await world.shop.books.funded_buyer("10.00", limit="25.00")
    await world.shop.books.deposit(buyer, "20.00")
    return {"SenderTokenId": buyer.money, "PrepaidInstrumentId": buyer.instrument, "TokenId": buyer.spending}


async def _postpaid(world: World) -> dict[str, str]:
    buyer = await world.shop.books.postpaid_buyer()
    await world.shop.books.deposit(buyer, "20.00")
    await world.shop.pay(buyer, "5.00")
    return {"SenderTokenId": buyer.money, "CreditInstrumentId": buyer.instrument}


async def _instruction(world: World) -> dict[str, str]:
    text = {"PaymentInstruction": "MyRole == 'Recipient';", "CallerReference": world.shop.reference()}
    installed = await world.shop.done("InstallPaymentInstruction", text | {"TokenType": "Unrestricted"})
    return {"TokenId": installed.value("TokenId")}


async def _recipient(world: World) -> dict[str, str]:
    return {"RecipientTokenId": await recipient_token(world.shop)}


async def _subscription(world: World) -> dict[str, str]:
    buyer = await world.payer(token_type=TokenType.RECURRING)
    assert (await world.shop.pay(buyer, "5.00")).code is None
    return {"SubscriptionId": buyer.spending}


_IDS: dict[str, Callable[[World], Awaitable[dict[str, str]]]] = {
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
        values |= await _IDS[action](World(shop))
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
