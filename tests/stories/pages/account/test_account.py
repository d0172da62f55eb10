"""A person's own pages: what they authorized, what came of it, how they end it."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import secrets
from datetime import timedelta

from tests.stories.pages.buyers import AccountHolder, buyer_of, fund, prepaid_buyer, seen, settle
from tests.stories.pages.hosted.test_marketplace import recipient_tokens
from tests.stories.pages.world import Page, Seller, World

from tallystick.client.fps import ServiceError, amount
from tallystick.domain.money import parse_amount


async def test_a_prepaid_balance_with_its_history(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)

    listed = await seen(buyer, "/account")
    for words in (
        "Music Shop may take up to 25.00 USD from your account balance to fill your prepaid balance.",
        "Left to spend 13.50 USD of at most 25.00 USD",
        "Spent so far, less refunds 6.50 USD",
        "Active",
    ):
        assert words in listed, words

    text = await seen(buyer, buyer.path)
    history = [
        r"Refund \+1.50 USD 13.50 USD",
        r"Purchase =HYPERLINK\(1\) −3.00 USD 12.00 USD",  # noqa: RUF001 - a minus sign
        r"Purchase Two songs −5.00 USD 15.00 USD",  # noqa: RUF001
        r"Balance filled \+20.00 USD 20.00 USD",
    ]
    assert re.search(".*".join(history), text), text
    assert "Paid from Account balance" in text


async def test_a_tab_with_its_history(world: World, seller: Seller) -> None:
    limits = {"usageLimitType1": "Count", "usageLimitValue1": "10", "usageLimitPeriod1": "1 Month"}
    buyer = await buyer_of(world, seller, seller.postpaid(**limits))
    await seller.pay(buyer.answer["creditSenderTokenID"], "12.50", SenderDescription="One record")
    await settle(seller, buyer, "10")

    text = await seen(buyer, buyer.path)

    assert "Owed now 2.50 USD of at most 100.00 USD" in text
    assert "All purchases 12.50 USD of at most 1,200.00 USD" in text
    assert "Purchases, every month 1 of at most 10" in text
    assert re.search(r"Debt settled −10.00 USD 2.50 USD.*One record \+12.50 USD 12.50 USD", text)  # noqa: RUF001


async def test_other_pipelines_are_listed_too(world: World, seller: Seller) -> None:
    single = await buyer_of(world, seller, seller.request("SingleUse"))
    assert "may take exactly 24.90 USD from your account balance, once, by" in await seen(single, "/account")
    await seller.pay(single.answer["tokenID"], "24.90")
    text = await seen(single, single.path)
    assert "Used" in text
    assert "Cancel this authorization" not in text
    assert "Payment 24.90 USD 24.90 USD" in text

    monthly = await buyer_of(world, seller, seller.request("Recurring"))
    assert "exactly 9.99 USD from your account balance, at most once every month" in await seen(monthly, "/account")

    band = await world.seller("The Band", signs_in=True)
    tokens = await recipient_tokens(world, seller, band, paymentMethod="ABT,CC")
    browser = world.browser()
    listed = Page(await browser.sign_in(await browser.get("/account"), band.party.email)).text
    assert "Receive payments through a marketplace" in listed
    assert "Payments back to buyers" in listed
    market = await buyer_of(world, seller, seller.request("MultiUse", recipientTokenList=tokens["tokenID"]))
    assert "The money goes to The Band; Music Shop acts on their behalf." in await seen(market, market.path)
    await seller.pay(market.answer["tokenID"], "10", RecipientTokenId=tokens["tokenID"])
    theirs = Page(await browser.get(f"/account/authorizations/{tokens['tokenID']}")).text
    assert "Received so far 10.00 USD" in theirs
    assert "Buyers may pay by account balance or card only." in theirs


async def test_two_balances_of_one_shop_are_told_apart(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid(paymentReason="<b>Songs</b> &amp; more"))
    once = Page(await buyer.browser.get("/account")).text
    assert "Prepaid balance: Songs & more" in once
    assert "Number ends in" not in once, "there is one alone"
    url = seller.url(seller.prepaid(paymentReason="Records " * 20))
    confirm = await buyer.browser.submit(await buyer.browser.get(url), "/method")
    other = (await world.answer(await buyer.browser.submit(confirm, "/confirm")))["prepaidInstrumentID"]

    page = Page(await buyer.browser.get("/account"))

    assert "Prepaid balance: Songs & more" in page.text
    assert re.search(r"Prepaid balance: (Records ){6,7}\w*…", page.text)
    for number in (buyer.authorization, other):
        assert f"Number ends in {number[-4:]}" in page.text


async def test_another_payment_method_goes_on_with_the_same_authorization(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.request("MultiUse"))
    await seller.pay(buyer.answer["tokenID"], "10")
    link = seller.url(seller.request("EditToken", tokenId=buyer.answer["tokenID"]))
    confirm = await buyer.browser.add_card(await buyer.browser.get(link))
    renewed = (await world.answer(await buyer.browser.submit(confirm, "/confirm")))["tokenID"]

    listed = Page(await buyer.browser.get("/account"))

    assert [link for link in listed.links if "/authorizations/" in link] == [f"/account/authorizations/{renewed}"]
    assert "Spent so far, less refunds 10.00 USD" in listed.text
    assert "Payment 10.00 USD 10.00 USD" in await seen(buyer, f"/account/authorizations/{renewed}")


async def test_a_balance_is_cancelled_once_however_often_one_clicks(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)
    page = await buyer.browser.get(f"{buyer.path}/cancel")
    assert "The 13.50 USD that is left can no longer be spent. It is not paid back by cancelling" in Page(page).text
    assert (await buyer.browser.submit(page, "/cancel")).status_code == 422  # nothing chosen
    form = Page(page).form("/cancel")
    fields = form.fields | {"scope": "all"}
    heard_at = "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1"
    await world.pool.execute(heard_at, seller.book_id)

    clicks = await asyncio.gather(*(buyer.browser.http.post(form.action, data=fields) for _ in range(4)))

    assert {click.headers["location"] for click in clicks} == {f"{buyer.path}?cancelled=all"}
    after = await seen(buyer, f"{buyer.path}?cancelled=all")
    assert "It is cancelled." in after
    assert "13.50 USD is left in the balance. Ask Music Shop about it." in after
    assert await seller.told(buyer.answer["prepaidSenderTokenID"], "1") == "TokenNotActive_Sender"
    assert await told_of_funding(seller, buyer) == "TokenNotActive_Sender"
    told = await world.rows(
        "SELECT subject_id FROM outbox WHERE book_id = $1 AND kind = 'TokenCancellation'", seller.book_id
    )
    ended = {buyer.answer["prepaidSenderTokenID"], buyer.answer["fundingTokenID"]}
    assert sorted(row["subject_id"] for row in told) == sorted(ended)
    again = await buyer.browser.get(f"{buyer.path}/cancel")
    assert again.url.path == buyer.path


async def told_of_funding(seller: Seller, buyer: AccountHolder) -> str:
    try:
        await fund(seller, buyer, "1")
    except ServiceError as error:
        return error.code
    return "Success"


async def test_top_ups_end_and_the_balance_is_spent(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)
    page = await buyer.browser.get(f"{buyer.path}/cancel")

    after = await buyer.browser.submit(page, "/cancel", scope="top-ups")

    assert "The balance is filled no more." in Page(after).text
    assert "Music Shop can no longer fill the balance. You can spend what is left." in Page(after).text
    assert (await buyer.browser.submit(page, "/cancel", scope="top-ups")).status_code == 200  # a second click
    assert await told_of_funding(seller, buyer) == "TokenNotActive_Sender"
    assert await seller.told(buyer.answer["prepaidSenderTokenID"], "13.50") == "Success"
    last = await buyer.browser.submit(await buyer.browser.get(f"{buyer.path}/cancel"), "/cancel")
    assert "It is cancelled." in Page(last).text


async def test_a_cancelled_tab_can_still_be_settled(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.postpaid())
    await seller.pay(buyer.answer["creditSenderTokenID"], "12.50")
    page = await buyer.browser.get(f"{buyer.path}/cancel")
    owed = "You still owe 12.50 USD. Music Shop may settle it from your account balance"
    assert owed in Page(page).text

    after = await buyer.browser.submit(page, "/cancel")

    assert owed in Page(after).text
    assert await seller.told(buyer.answer["creditSenderTokenID"], "1") == "TokenNotActive_Sender"
    assert (await settle(seller, buyer, "12.50")).text("TransactionStatus") == "Success"


async def test_what_a_link_claims_is_not_believed(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid())

    assert "It is cancelled" not in await seen(buyer, f"{buyer.path}?cancelled=all")
    assert "filled no more" not in await seen(buyer, f"{buyer.path}?cancelled=top-ups")


async def test_an_expired_authorization_has_nothing_to_cancel(world: World, seller: Seller) -> None:
    end = str(int((world.clock() + timedelta(days=2)).timestamp()))
    buyer = await buyer_of(world, seller, seller.prepaid(validityExpiry=end))
    await world.later(seller, timedelta(days=3))

    text = await seen(buyer, buyer.path)

    assert "Ended on" in text
    assert (await buyer.browser.get(f"{buyer.path}/cancel")).url.path == buyer.path


async def test_long_lists_have_pages(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.postpaid())
    for number in range(30):
        await seller.pay(buyer.answer["creditSenderTokenID"], "0.10", SenderDescription=f"song {number:02}")

    first = await buyer.browser.get(buyer.path)
    older = next(link for link in Page(first).links if "before=" in link)
    second = await buyer.browser.get(older.partition("#")[0])

    assert re.findall(r"song \d\d", Page(first).text) == [f"song {number:02}" for number in range(29, 4, -1)]
    assert re.findall(r"song \d\d", Page(second).text) == [f"song {number:02}" for number in range(4, -1, -1)]
    assert "+0.10 USD 0.50 USD" in Page(second).text
    assert "Older" not in Page(second).text.split()
    for figure in ("9", "9" * 5000):
        forged = older.replace(".", f".{figure}", 1)
        assert "song 29" in Page(await buyer.browser.get(forged.partition("#")[0])).text, "a figure that nobody signed"


async def test_the_list_of_authorizations_has_pages(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.request("MultiUse")))
    await browser.submit(confirm, "/confirm")
    for _ in range(21):
        method = await browser.get(seller.url(seller.request("MultiUse")))
        assert (await browser.submit(await browser.submit(method, "/method"), "/confirm")).status_code == 302

    first = Page(await browser.get("/account"))
    older = next(link for link in first.links if "before=" in link)
    second = Page(await browser.get(older))

    pages = [[link for link in page.links if "/authorizations/" in link] for page in (first, second)]
    assert [len(links) for links in pages] == [20, 2]
    assert len({*pages[0], *pages[1]}) == 22


async def test_the_statement_for_spreadsheets(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)

    response = await buyer.browser.get(f"{buyer.path}/statement.csv")

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="statement-music-shop-[\d-]+\.csv"', response.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    told = [(row["kind"], row["description"], row["change"], row["balance_after"], row["currency"]) for row in rows]
    assert told == [
        ("Balance filled", "", "20.00", "20.00", "USD"),
        ("Purchase", "Two songs", "-5.00", "15.00", "USD"),
        ("Purchase", "'=HYPERLINK(1)", "-3.00", "12.00", "USD"),
        ("Refund", "", "1.50", "13.50", "USD"),
    ]


async def test_payment_methods_come_and_go(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    buyer = AccountHolder(browser, "", answer)
    await fund(seller, buyer, "10")
    await world.rail_answers()

    wrong = await browser.submit(await browser.get("/account/payment-methods/card"), "/card", number="1", expiry="x")
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    added = await browser.submit(wrong, "/card", number="5555 5555 5555 4444", expiry="01/32")
    assert "Mastercard ending in 4444 Expires 01/2032" in Page(added).text
    bank = await browser.get("/account/payment-methods/bank-account")
    added = await browser.submit(bank, "/bank-account", routing="110000000", number="000123456789")
    assert "Bank account ending in 6789" in Page(added).text

    ways = [link for link in Page(added).links if link.endswith("/remove")]
    visa = await browser.get(ways[-1])
    assert "Music Shop: Prepaid balance" in Page(visa).text
    assert "You can still spend the 10.00 USD that is left." in Page(visa).text
    assert "No authorization is paid from it." in Page(await browser.get(ways[0])).text
    after = await browser.submit(visa, "/remove")
    assert "Visa" not in Page(after).text
    assert (await browser.submit(visa, "/remove")).status_code == 200  # a second click
    assert await told_of_funding(seller, buyer) == "InvalidPaymentInstrument"
    assert "You removed Visa ending in 4242." in await seen(buyer, "/account")
    assert await seller.told(answer["prepaidSenderTokenID"], "10") == "Success"


async def test_test_money_without_a_visit(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid(), money="5")
    page = await buyer.browser.get("/account/test-money")

    refused = await buyer.browser.submit(page, "/account/test-money", amount="-1")
    after = await buyer.browser.submit(refused, "/account/test-money", amount="2.50")

    assert refused.status_code == 422
    assert "your account balance in test mode is 7.50 USD" in Page(after).text
    assert "7.50 USD available" in await seen(buyer, "/account/payment-methods")


async def test_what_is_under_way_outlives_both_the_authorization_and_the_card(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.request("MultiUse", paymentMethod="CC")
    answer = await world.answer(await browser.submit(await browser.at_confirm(seller.url(params)), "/confirm"))
    buyer = AccountHolder(browser, "", answer)
    paid = await seller.pay(answer["tokenID"], "5")
    held = await seller.api.call(
        "Reserve",
        {
            "SenderTokenId": answer["tokenID"],
            "CallerReference": secrets.token_hex(6),
            **amount("TransactionAmount", parse_amount("4")),
        },
    )
    await world.rail_answers()
    await seller.pay(answer["tokenID"], "7")

    cancelling = await browser.get(f"{buyer.path}/cancel")
    assert "11.00 USD is under way or held, and may still be taken." in Page(cancelling).text
    await browser.submit(cancelling, "/cancel")
    methods = Page(await browser.get("/account/payment-methods"))
    removing = next(link for link in methods.links if link.endswith("/remove"))
    await browser.submit(await browser.get(removing), "/remove")
    await seller.api.call("Settle", {"ReserveTransactionId": held.text("TransactionId")})
    await world.rail_answers()
    await seller.refund(paid.text("TransactionId"), "2")
    await world.rail_answers()

    text = await seen(buyer, buyer.path)
    assert "Spent so far, less refunds 14.00 USD" in text
    assert "Under way" not in text
