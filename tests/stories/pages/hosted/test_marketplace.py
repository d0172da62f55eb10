"""Recipient tokens and payments on behalf of others: who is shown, who is paid, who may not."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from tests.stories.pages.hosted.test_sender_tokens import agreed_by_balance, by_card
from tests.stories.pages.world import PASSWORD, Page, Seller, World, named

from tallystick.domain.ids import IdKind, token_kind_and_book
from tallystick.store.accounts import parties


@pytest.fixture
async def band(world: World) -> Seller:
    """A business that is paid through somebody else's marketplace."""
    return await world.seller("The Band", signs_in=True)


async def recipient_tokens(world: World, market: Seller, band: Seller, **changes: str | None) -> dict[str, str]:
    """The answer after the band agreed to be paid through the market."""
    browser = world.browser()
    page = await browser.get(market.url(market.request("Recipient", **changes)))
    confirm = await browser.sign_in(page, band.party.email)
    return await world.answer(await browser.submit(confirm, "/confirm"))


async def cash(seller: Seller) -> int:
    return (await seller.api.call("GetAccountBalance")).micros("AccountBalance", "TotalBalance")


async def test_a_business_agrees_to_be_paid_through_another(world: World, seller: Seller, band: Seller) -> None:
    browser = world.browser()
    params = seller.request("Recipient", maxFixedFee="0.50", maxVariableFee="10", paymentMethod="ABT,CC")
    page = await browser.get(seller.url(params))
    assert not any(link.endswith("/sign-up") for link in Page(page).links)
    confirm = await browser.sign_in(page, band.party.email)
    assert confirm.url.path.endswith("/confirm")
    text = Page(confirm).text
    for line in (
        "Music Shop may take payments from buyers on your behalf. They are credited to your account.",
        "Music Shop keeps at most 0.50 USD plus 10 % of each payment; the rest is yours.",
        "You pay the fee that this service takes of each payment.",
        "Buyers may pay by account balance or card only.",
    ):
        assert line in text, line

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (answer["status"], answer["callerReference"]) == ("SR", params["callerReference"])
    assert token_kind_and_book(answer["tokenID"]) == (IdKind.RECIPIENT, seller.book_id)
    assert token_kind_and_book(answer["refundTokenID"]) == (IdKind.INSTALLED, seller.book_id)
    assert "expiry" not in answer
    again = await world.answer(await browser.get(seller.url(params)))
    assert (again["tokenID"], again["refundTokenID"]) == (answer["tokenID"], answer["refundTokenID"])


async def test_the_recipient_is_named_and_paid(world: World, seller: Seller, band: Seller) -> None:
    recipient = (await recipient_tokens(world, seller, band, maxFixedFee="0.50", maxVariableFee="10"))["tokenID"]
    browser = world.browser()
    params = seller.request("SingleUse", recipientToken=recipient, transactionAmount="20")
    method = await browser.sign_up(await browser.get(seller.url(params)))
    confirm = await browser.use_test_money(method, "50")
    assert "The money goes to The Band; Music Shop acts on their behalf." in Page(confirm).text
    token = (await world.answer(await browser.submit(confirm, "/confirm")))["tokenID"]

    assert await seller.told(token, "20") == "IncompatibleTokens"
    share = {"MarketplaceFixedFee.Value": "0.50", "MarketplaceFixedFee.CurrencyCode": "USD"}
    more = share | {"MarketplaceVariableFee": "10.01"}
    assert await seller.told(token, "20", RecipientTokenId=recipient, **more) == "IncompatibleTokens"
    more = share | {"MarketplaceVariableFee": "10"}
    assert await seller.told(token, "20", RecipientTokenId=recipient, **more) == "Success"

    assert await cash(seller) == 2_500_000
    fee = (await world.rows("SELECT fee_micros FROM transaction WHERE book_id = $1", seller.book_id))[0]["fee_micros"]
    assert await cash(band) == 17_500_000 - fee


async def test_one_of_several_recipients_is_paid_by_a_method_that_it_takes(
    world: World, seller: Seller, band: Seller
) -> None:
    choir = await world.seller("The Choir", signs_in=True)
    first = (await recipient_tokens(world, seller, band))["tokenID"]
    second = (await recipient_tokens(world, seller, choir, paymentMethod="CC"))["tokenID"]
    third = (await recipient_tokens(world, seller, choir))["tokenID"]
    browser = world.browser()
    params = seller.request("MultiUse", recipientTokenList=f"{first}, {second}")
    token = (await agreed_by_balance(browser, world, seller, params))["tokenID"]

    assert await seller.told(token, "5", RecipientTokenId=third) == "IncompatibleTokens"
    assert await seller.told(token, "5", RecipientTokenId=second) == "IncompatibleTokens"
    assert await seller.told(token, "5", RecipientTokenId=first) == "Success"


async def test_a_refund_token_does_not_pay(world: World, seller: Seller, band: Seller) -> None:
    reference = f"refund-{secrets.token_hex(6)}"
    answer = await recipient_tokens(world, seller, band, callerReferenceRefund=reference)

    assert await seller.told(answer["refundTokenID"], "1") == "PaymentMethodNotDefined"
    found = await seller.api.call("GetTokenByCaller", {"CallerReference": reference})
    assert found.text("Token", "TokenId") == answer["refundTokenID"]
    used = await recipient_tokens_refused(world, seller, callerReferenceRefund=reference)
    assert used == named(["callerReferenceRefund"])


async def recipient_tokens_refused(world: World, market: Seller, **changes: str) -> str:
    answer = await world.answer(await world.browser().get(market.url(market.request("Recipient", **changes))))
    assert answer["status"] == "CE"
    return answer["errorMessage"]


async def test_a_personal_account_cannot_receive(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser = world.browser()
    await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)

    answer = await world.answer(await browser.get(seller.url(seller.request("Recipient"))))

    assert (answer["status"], answer["errorMessage"]) == ("NP", "A personal account cannot receive payments.")
    assert "tokenID" not in answer


async def test_nobody_signs_up_on_the_way_to_receiving(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await browser.get(seller.url(seller.request("Recipient")))

    shown = await browser.get(str(page.url).replace("sign-in", "sign-up"))
    assert shown.url.path.endswith("/sign-in")
    form = Page(page).form("/sign-in")
    fields = form.fields | {"name": "Eve", "email": "eve.receives@buyer.example", "password": PASSWORD}
    posted = await browser.post(form.action.replace("sign-in", "sign-up"), fields)
    assert posted.url.path.endswith("/sign-in")
    assert await parties.find_by_email(world.pool, "eve.receives@buyer.example") is None


async def test_a_suspended_business_cannot_receive(world: World, seller: Seller, band: Seller) -> None:
    await world.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", band.party.party_id)
    browser = world.browser()
    page = await browser.get(seller.url(seller.request("Recipient")))

    assert (await world.answer(await browser.sign_in(page, band.party.email)))["status"] == "NP"


async def test_unverified_addresses_where_the_operator_asks_for_verified_ones(world: World, seller: Seller) -> None:
    strict = world.browser(world.configured(require_verified_email=True))
    email = f"{secrets.token_hex(6)}@buyer.example"

    code = await strict.sign_up(await strict.get(seller.url(seller.request("SingleUse"))), email)
    assert await parties.find_by_email(world.pool, email) is None
    opened = await strict.submit(code, "/code", code=await world.mailed_code(email))

    assert opened.url.path.endswith("/method")
    party = await parties.find_by_email(world.pool, email)
    assert party is not None
    assert party.email_verified


async def test_the_recipient_cannot_be_the_buyer(world: World, seller: Seller, band: Seller) -> None:
    recipient = (await recipient_tokens(world, seller, band))["tokenID"]
    browser = world.browser()
    page = await browser.get(seller.url(seller.request("Recurring", recipientToken=recipient)))

    assert (await world.answer(await browser.sign_in(page, band.party.email)))["status"] == "NP"


async def test_a_caller_may_be_kept_from_acting_for_others(world: World, seller: Seller, band: Seller) -> None:
    recipient = (await recipient_tokens(world, seller, band))["tokenID"]
    async with world.pool.acquire() as connection:
        await parties.set_standing(connection, seller.party.party_id, world.clock(), marketplace=False)

    for pipeline, more in (("Recipient", {}), ("SingleUse", {"recipientToken": recipient})):
        link = seller.url(seller.request(pipeline, **more))
        assert (await world.answer(await world.browser().get(link)))["status"] == "NM"
    assert (await world.browser().get(seller.url(seller.request("SingleUse")))).status_code == 200


async def test_a_recipient_token_that_ended_is_not_taken(world: World, seller: Seller, band: Seller) -> None:
    expiry = str(int((world.clock() + timedelta(days=2)).timestamp()))
    recipient = (await recipient_tokens(world, seller, band, validityExpiry=expiry))["tokenID"]
    sender = (await by_card(world, seller, seller.request("MultiUse")))["tokenID"]
    await world.later(seller, timedelta(days=3))

    for token in (recipient, sender):
        link = seller.url(seller.request("SingleUse", recipientToken=token))
        answer = await world.answer(await world.browser().get(link))
        assert (answer["status"], answer["errorMessage"]) == ("CE", named(["recipientToken"]))


@pytest.mark.parametrize("asked", ["True", "False"])
async def test_the_recipients_name_may_stand_for_the_callers(
    world: World, seller: Seller, band: Seller, asked: str
) -> None:
    recipient = (await recipient_tokens(world, seller, band))["tokenID"]
    params = seller.request("Recurring", recipientToken=recipient, isRecipientCobranding=asked)

    page = await world.browser().get(seller.url(params))

    shown = page.text.split('<span class="seller-name">')[1].split("<")[0]
    assert shown == ("The Band" if asked == "True" else "Music Shop")
