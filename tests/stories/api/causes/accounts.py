"""Refusals because of who takes part: the state of an account, of a card or of an e-mail address."""

from __future__ import annotations

from tests.stories.api.causes.provoking import CARD, causes, in_process, payer, recipient_of, standing, third_party
from tests.stories.api.good_requests import good_request
from tests.support.shop import Answer, Shop

from tallystick.domain.commands import Method
from tallystick.domain.money import parse_amount
from tallystick.domain.standing import Demands
from tallystick.store.keys import access_keys


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
