"""SingleUse, MultiUse and Recurring: what buyers see, what the seller gets back, and what its token then can do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.stories.pages.world import Browser, Page, Seller, World, named

from tallystick.client.fps import ServiceError, amount
from tallystick.domain.ids import IdKind, token_kind_and_book
from tallystick.domain.money import parse_amount


async def by_card(world: World, seller: Seller, params: dict[str, str]) -> dict[str, str]:
    """The answer after a new buyer agreed, paying by card."""
    browser = world.browser()
    return await world.answer(await browser.submit(await browser.at_confirm(seller.url(params)), "/confirm"))


async def by_balance(world: World, seller: Seller, params: dict[str, str], money: str = "500") -> dict[str, str]:
    """The answer after a new buyer agreed, paying from the account balance."""
    return await agreed_by_balance(world.browser(), world, seller, params, money)


async def agreed_by_balance(
    browser: Browser, world: World, seller: Seller, params: dict[str, str], money: str = "500"
) -> dict[str, str]:
    method = await browser.sign_up(await browser.get(seller.url(params)))
    return await world.answer(await browser.submit(await browser.use_test_money(method, money), "/confirm"))


async def test_a_single_payment_by_card(world: World, seller: Seller) -> None:
    lines = {
        "itemTotal": "20",
        "shipping": "4.00",
        "handling": "0",
        "giftWrapping": "1.5",
        "discount": "2",
        "tax": "1.40",
    }
    params = seller.request("SingleUse", paymentReason="Two <b>CDs</b>", addressLine1="2 High St", **lines)
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(params))
    text = Page(confirm).text
    for line in (
        "Items 20.00 USD",
        "Shipping 4.00 USD",
        "Handling 0.00 USD",
        "Gift wrapping 1.50 USD",
        "Discount \N{MINUS SIGN}2.00 USD",
        "Tax 1.40 USD",
        "To pay 24.90 USD",
        "Paid from Visa ending in 4242",
        "2 High St",
        "Music Shop may take exactly 24.90 USD from your card ending in 4242, once, within three hours from now.",
        "Nothing is charged now.",
    ):
        assert line in text, line
    assert "Two <b>CDs</b>" in confirm.text

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (answer["status"], answer["expiry"]) == ("SC", "10/2031")
    assert answer["callerReference"] == params["callerReference"]
    assert token_kind_and_book(answer["tokenID"]) == (IdKind.SENDER, seller.book_id)
    assert await seller.told(answer["tokenID"], "24.89") == "IncompatibleTokens"
    assert await seller.told(answer["tokenID"], "24.90") == "Pending"
    await world.rail_answers()
    assert await seller.told(answer["tokenID"], "24.90") == "SameTokenIdUsedMultipleTimes"
    found = await seller.api.call("GetTokenByCaller", {"CallerReference": params["callerReference"]})
    assert found.text("Token", "TokenId") == answer["tokenID"]
    assert found.text("Token", "TokenType") == "SingleUse"
    assert (await seller.api.call("GetAccountBalance")).micros("AccountBalance", "TotalBalance") > 0


async def test_a_single_use_token_ends_after_three_hours(world: World, seller: Seller) -> None:
    answer = await by_balance(world, seller, seller.request("SingleUse"))
    await world.later(seller, timedelta(hours=2, minutes=59))
    assert await seller.told(answer["tokenID"], "24.91") == "IncompatibleTokens"
    await world.later(seller, timedelta(minutes=2))
    assert await seller.told(answer["tokenID"], "24.90") == "InvalidTokenId_Sender"


async def test_a_token_for_reserving_is_for_cards_and_not_for_paying(world: World, seller: Seller) -> None:
    browser = world.browser()
    method = await browser.sign_up(await browser.get(seller.url(seller.request("SingleUse", reserve="True"))))
    assert not {"Account balance", "bank account"} & set(Page(method).words)
    confirm = await browser.add_card(method)
    assert "Music Shop may hold 24.90 USD on your card ending in 4242, once" in Page(confirm).text
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert await seller.told(answer["tokenID"], "24.90") == "IncompatibleTokens"
    reserve = {"SenderTokenId": answer["tokenID"], "CallerReference": "hold", **amount("TransactionAmount", 24_900_000)}
    assert (await seller.api.call("Reserve", reserve)).text("TransactionStatus") == "Pending"
    await world.rail_answers()


async def test_many_payments_within_limits_by_balance(world: World, seller: Seller) -> None:
    params = seller.request(
        "MultiUse",
        globalAmountLimit="30",
        amountType="Maximum",
        transactionAmount="10",
        usageLimitType1="Amount",
        usageLimitValue1="12",
        usageLimitPeriod1="1 Day",
        usageLimitType2="Count",
        usageLimitValue2="5",
    )
    answer = await by_balance(world, seller, params)
    token = answer["tokenID"]
    assert (answer["status"], answer["callerReference"]) == ("SA", params["callerReference"])
    assert "expiry" not in answer

    assert await seller.told(token, "10.01") == "IncompatibleTokens"
    assert await seller.told(token, "10.00") == "Success"
    assert await seller.told(token, "2.01") == "TokenUsageError"
    assert await seller.told(token, "2.00") == "Success"
    usage = await seller.api.call("GetTokenUsage", {"TokenId": token})
    assert usage.result is not None
    used = [limit.findtext("{*}Amount/{*}Value") or limit.findtext("{*}Count") for limit in usage.result]
    assert used == ["12.000000", "12.000000", "2"]
    await world.later(seller, timedelta(days=1))
    assert await seller.told(token, "10.00") == "Success"
    await world.later(seller, timedelta(days=1))
    assert await seller.told(token, "8.01") == "TokenUsageError"  # the limit over the whole life
    assert await seller.told(token, "8.00") == "Success"


@pytest.mark.parametrize("given", [True, False])
async def test_a_multi_use_token_ends_after_a_year_unless_an_end_is_given(
    world: World, seller: Seller, given: bool
) -> None:
    expiry = int((world.clock() + timedelta(days=400)).timestamp())
    answer = await by_card(world, seller, seller.request("MultiUse", validityExpiry=str(expiry) if given else None))

    rows = await world.rows("SELECT valid_from, expires_at FROM token WHERE token_id = $1", answer["tokenID"])

    ends = rows[0]["expires_at"]
    life = ends - rows[0]["valid_from"] + timedelta(minutes=1)
    assert ends.timestamp() == expiry if given else life.days in {365, 366}


async def test_regular_payments_from_a_bank_account(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.request("Recurring")
    confirm = await browser.add_bank_account(await browser.sign_up(await browser.get(seller.url(params))))
    text = Page(confirm).text
    assert (
        "Music Shop may take exactly 9.99 USD from your bank account ending in 6789, at most once every month" in text
    )
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    assert answer["status"] == "SB"

    assert await seller.told(answer["tokenID"], "9.99") == "Pending"
    assert await seller.told(answer["tokenID"], "9.99") == "TokenUsageError"
    await world.later(seller, timedelta(days=31))
    assert await seller.told(answer["tokenID"], "5.00") == "IncompatibleTokens"
    assert await seller.told(answer["tokenID"], "9.99") == "Pending"
    await world.rail_answers()


async def test_a_token_can_begin_later(world: World, seller: Seller) -> None:
    start = int((world.clock() + timedelta(days=10)).timestamp())
    answer = await by_balance(world, seller, seller.request("Recurring", validityStart=str(start)))

    assert await seller.told(answer["tokenID"], "9.99") == "InvalidTokenId_Sender"
    await world.later(seller, timedelta(days=10, minutes=1))
    assert await seller.told(answer["tokenID"], "9.99") == "Success"


@pytest.mark.parametrize("pipeline", ["SingleUse", "MultiUse", "Recurring"])
async def test_the_same_link_gives_the_same_token_and_a_used_reference_none(
    world: World, seller: Seller, pipeline: str
) -> None:
    params = seller.request(pipeline)
    browser = world.browser()
    first = await world.answer(await browser.submit(await browser.at_confirm(seller.url(params)), "/confirm"))
    again = await world.answer(await browser.get(seller.url(params)))
    assert again["tokenID"] == first["tokenID"]

    changed = await world.answer(await world.browser().get(seller.url(params | {"paymentReason": "else"})))

    assert (changed["status"], changed["errorMessage"]) == ("CE", named(["callerReference"]))
    assert changed["callerReference"] == params["callerReference"]


async def test_leaving_gives_the_reference_back(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.request("MultiUse")
    answer = await world.answer(await browser.submit(await browser.get(seller.url(params)), "/leave"))

    assert (answer["status"], answer["callerReference"]) == ("A", params["callerReference"])
    with pytest.raises(ServiceError, match="InvalidCallerReference"):
        await seller.api.call("GetTokenByCaller", {"CallerReference": params["callerReference"]})


async def test_an_address_is_asked_for_and_comes_back(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.request("SingleUse", collectShippingAddress="True")
    typed = {"addressLine1": "1 Main St", "city": "Springfield", "zip": "12345", "country": "USA"}
    address = await browser.at_confirm(seller.url(params))
    answer = await world.answer(await browser.submit(await browser.submit(address, "/address", **typed), "/confirm"))

    assert {name: answer[name] for name in typed} == typed


async def test_a_double_click_makes_one_token(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.request("MultiUse")))

    answers = [await world.answer(await browser.submit(confirm, "/confirm")) for _ in range(2)]

    assert answers[0]["tokenID"] == answers[1]["tokenID"]
    rows = await world.rows("SELECT token_id FROM token WHERE book_id = $1", seller.book_id)
    assert rows == [{"token_id": answers[0]["tokenID"]}]


async def test_edited_way_of_paying_keeps_what_was_used(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.request("MultiUse", globalAmountLimit="30", transactionAmount="10")
    old = (await agreed_by_balance(browser, world, seller, params))["tokenID"]
    assert await seller.told(old, "10") == "Success"

    edit = seller.request("EditToken", tokenId=old)
    method = await browser.get(seller.url(edit))
    assert "used so far" in Page(method).text
    confirm = await browser.add_card(method)
    text = Page(confirm).text
    assert "Music Shop may take payments of exactly 10.00 USD each from your card ending in 4242" in text
    assert "Only the way you pay changes." in text
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    new = answer["tokenID"]

    assert (answer["status"], answer["expiry"]) == ("SC", "10/2031")
    assert "callerReference" not in answer
    assert new != old
    assert await seller.told(old, "10") == "TokenNotActive_Sender"
    found = await seller.api.call("GetTokenByCaller", {"CallerReference": edit["callerReference"]})
    assert (found.text("Token", "TokenId"), found.text("Token", "OldTokenId")) == (new, old)
    usage = await seller.api.call("GetTokenUsage", {"TokenId": new})
    assert usage.micros("TokenUsageLimits", "Amount") == parse_amount("10")
    assert [await seller.told(new, "10") for _ in range(3)] == ["Pending", "Pending", "TokenUsageError"]
    await world.rail_answers()
    again = await world.answer(await browser.get(seller.url(edit)))
    assert again["tokenID"] == new


async def test_an_edit_that_changes_nothing(world: World, seller: Seller) -> None:
    browser = world.browser()
    token = (await agreed_by_balance(browser, world, seller, seller.request("Recurring")))["tokenID"]
    method = await browser.get(seller.url(seller.request("EditToken", tokenID=token, tokenId=None)))
    confirm = await browser.submit(method, "/method")
    assert "This is how you pay already. Nothing changes when you confirm." in Page(confirm).text

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (answer["status"], answer["tokenID"]) == ("SU", token)
    assert await seller.told(token, "9.99") == "Success"


async def test_tokens_that_cannot_be_edited(world: World, seller: Seller) -> None:
    other = await world.seller()
    unknown = "U" * 64
    foreign = (await by_balance(world, other, other.request("MultiUse")))["tokenID"]
    single = (await by_balance(world, seller, seller.request("SingleUse")))["tokenID"]
    funding = (await by_card(world, seller, seller.prepaid()))["fundingTokenID"]
    ended = (await by_balance(world, seller, seller.request("MultiUse")))["tokenID"]
    await seller.api.call("CancelToken", {"TokenId": ended})

    for token in (unknown, foreign, single, funding, ended):
        link = seller.url(seller.request("EditToken", tokenId=token))
        assert (await world.answer(await world.browser().get(link)))["status"] == "IT"


async def test_somebody_elses_token_cannot_be_edited(world: World, seller: Seller) -> None:
    token = (await by_balance(world, seller, seller.request("MultiUse")))["tokenID"]
    browser = world.browser()
    page = await browser.get(seller.url(seller.request("EditToken", tokenId=token)))
    link = next(link for link in Page(page).links if link.endswith("/sign-up"))
    form = {"name": "Eve", "email": f"eve-{token[-12:].lower()}@buyer.example", "password": "tally sticks come in two"}

    answer = await world.answer(await browser.submit(await browser.get(link), "/sign-up", **form))

    assert answer["status"] == "UT"


async def test_a_closed_account_cannot_edit(world: World, seller: Seller) -> None:
    browser = world.browser()
    token = (await agreed_by_balance(browser, world, seller, seller.request("MultiUse")))["tokenID"]
    await world.pool.execute(
        "UPDATE party SET status = 'closed' WHERE party_id = (SELECT sender_party_id FROM token WHERE token_id = $1)",
        token,
    )

    answer = await world.answer(await browser.get(seller.url(seller.request("EditToken", tokenId=token))))

    assert answer["status"] == "NA"
