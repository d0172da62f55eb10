"""Refusals because of a token or an instrument."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.stories.api.causes.provoking import CARD, causes, other_shop, payer, third_party
from tests.stories.api.good_requests import recipient_token
from tests.support.shop import Answer, Shop, amount

from tallystick.domain.commands import Method, TokenTerms, TokenType
from tallystick.domain.ids import IdKind, TokenId


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
