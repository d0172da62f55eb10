"""Somebody of the staff refunds a payment: the form, what it would do, doing it once."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from tests.stories.pages.business import Customer, paying_customer, postpaid_customer, prepaid_customer, received_for
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.commands import Method
from tallystick.services.seller.staff import StaffRole


async def asked(browser: Browser, seller: Seller, payment: str, **typed: str) -> httpx.Response:
    """The form filled in and sent: what it would do, or what is wrong."""
    address = console(seller, "transactions", payment, "refund")
    form = Page(await browser.get(address)).form("/refund")
    return await browser.get(f"{address}?{urlencode(form.fields | typed)}")


async def refunds(world: World, payment: str) -> list[int]:
    rows = await world.rows("SELECT amount_micros FROM transaction WHERE original_id = $1", payment)
    return [row["amount_micros"] for row in rows]


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


@pytest.fixture
async def customer(world: World, seller: Seller) -> Customer:
    return await prepaid_customer(world, seller)


async def test_part_of_a_payment_is_given_back_to_the_balance(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    payment = await customer.pay("5")
    preview = await asked(browser, seller, payment, how="part", amount="2.00", description="late")
    text = Page(preview).text
    assert "Refund 2.00 USD?" in text
    assert "on the prepaid balance: 17.00 USD will be there then" in text
    assert "Your cash stays as it is" in text
    assert "Left to refund after it 3.00 USD" in text
    assert await refunds(world, payment) == []

    done = await browser.submit(preview, "/refund")
    assert "The refund is made." in Page(done).text
    assert "Your description late" in Page(done).text
    assert await refunds(world, payment) == [2_000_000]
    (entry,) = await world.rows(
        "SELECT subject, details FROM audit_entry WHERE action = 'money.refund' AND business_id = $1",
        seller.party.party_id,
    )
    assert entry["subject"] in str(done.url)
    assert entry["details"] == {"original": payment, "amount": "2.00"}
    assert "3.00 USD of 5.00 USD" in Page(await browser.get(console(seller, "transactions", payment, "refund"))).text


async def test_an_amount_that_is_typed_beside_all_of_it_is_the_part_that_is_given_back(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    payment = await customer.pay("5")
    preview = await asked(browser, seller, payment, amount="0.05")
    assert "Refund 0.05 USD?" in Page(preview).text
    assert "You typed an amount, so only that part is given back." in Page(preview).text
    back = Page(await browser.get(next(link for link in Page(preview).links if "/refund?" in link)))
    assert back.form("/refund").fields["amount"] == "0.05"
    assert 'value="part" checked' in back.response.text

    await browser.submit(preview, "/refund")
    assert await refunds(world, payment) == [50_000]

    whole = await asked(browser, seller, payment, amount=" ")
    assert "Refund 4.95 USD?" in Page(whole).text
    assert "You typed an amount" not in Page(whole).text


async def test_a_second_click_a_reload_and_a_way_back_refund_once(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    payment = await customer.pay("5")
    preview = await asked(browser, seller, payment, how="part", amount="1")
    form = Page(preview).form("/refund")
    both = await asyncio.gather(browser.post(form.action, form.fields), browser.post(form.action, form.fields))
    again = await browser.post(form.action, form.fields)
    reloaded = await browser.get(str(preview.url))

    assert {str(response.url) for response in (*both, again, reloaded)} == {str(again.url)}
    assert await refunds(world, payment) == [1_000_000]
    entries = await world.rows(
        "SELECT FROM audit_entry WHERE action = 'money.refund' AND business_id = $1", seller.party.party_id
    )
    assert len(entries) == 1

    other = await browser.post(form.action, form.fields | {"amount": "2"})
    assert other.status_code == 422
    assert "Something else was refunded with this form already." in Page(other).text
    assert await refunds(world, payment) == [1_000_000]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"how": "part", "amount": "a lot"}, "Enter an amount such as 2.50."),
        ({"how": "part", "amount": ""}, "Enter an amount such as 2.50."),
        ({"how": "part", "amount": "0"}, "Enter an amount greater than zero."),
        ({"how": "part", "amount": "5.01"}, "Only 5.00 is left to refund."),
        ({"how": "all", "amount": "abc"}, "Enter an amount such as 2.50."),
        ({"how": "all", "amount": "999"}, "Only 5.00 is left to refund."),
        ({"how": "half"}, "Choose how much to give back."),
        ({"how": "all", "description": "x" * 161}, "Use at most 160 characters"),
        ({"how": "all", "description": "\x01"}, "Use at most 160 characters"),
    ],
)
async def test_what_cannot_be_is_said_beside_its_field(
    world: World, seller: Seller, browser: Browser, customer: Customer, typed: dict[str, str], problem: str
) -> None:
    payment = await customer.pay("5")
    response = await asked(browser, seller, payment, **typed)

    assert response.status_code == 422
    assert problem in Page(response).text
    form = Page(response).form("/refund")
    posted = await browser.http.post(
        form.action,
        data=form.fields | typed,
        headers=await browser.form_header(),
    )
    assert posted.status_code == 422
    assert await refunds(world, payment) == []


async def test_all_is_given_back_once_and_then_nothing_is_left(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    payment = await customer.pay("5")
    await browser.submit(await asked(browser, seller, payment, how="all"), "/refund")

    assert await refunds(world, payment) == [5_000_000]
    assert (
        "All of this payment has been given back."
        in Page(await browser.get(console(seller, "transactions", payment, "refund"))).text
    )
    assert "Refund…" not in Page(await browser.get(console(seller, "transactions", payment))).text


async def test_other_means_of_payment_say_where_the_money_goes(world: World, seller: Seller, browser: Browser) -> None:
    tab = await postpaid_customer(world, seller)
    bought = await asked(browser, seller, await tab.pay("5"), how="all")
    assert "off the debt: 0.00 USD will be owed then" in Page(bought).text

    direct = await paying_customer(world, seller)
    paid = await asked(browser, seller, await direct.pay("10"), how="all")
    assert "on the account balance, at once" in Page(paid).text
    assert "Of the fee comes back 0.30 USD" in Page(paid).text
    assert "falls by 9.70 USD" in Page(paid).text
    await browser.submit(paid, "/refund")

    card = await paying_customer(world, seller, Method.CC)
    charged = await card.pay("10")
    assert "Refund…" not in Page(await browser.get(console(seller, "transactions", charged))).text
    await world.rail_answers()
    by_card = await asked(browser, seller, charged, how="all")
    assert "on the card, once the payment network has agreed" in Page(by_card).text
    done = Page(await browser.submit(by_card, "/refund"))
    assert "The refund is under way" in done.text
    await world.rail_answers()
    assert "The refund is made." in Page(await browser.get(str(done.response.url))).text


async def test_the_share_of_a_marketplace_goes_back_where_that_is_chosen(world: World) -> None:
    market, artist = await world.seller("Market"), await world.seller("Artist")
    buyer = await paying_customer(world, market)
    token = await received_for(world, market, artist)
    payment = await buyer.pay("10", RecipientTokenId=token, MarketplaceVariableFee="10")
    browser = await at_work(world, market, StaffRole.OWNER)

    both = await asked(browser, market, payment, how="part", amount="5", policy="MasterAndMarketplaceTxn")
    assert "Of your share goes back 0.50 USD" in Page(both).text
    alone = await asked(browser, market, payment, how="part", amount="0.25", policy="MarketplaceTxnOnly")
    assert "Artist, out of your share" in Page(alone).text
    await browser.submit(alone, "/refund")
    assert await refunds(world, payment) == [250_000]
    theirs = await at_work(world, artist, StaffRole.OWNER)
    assert (await theirs.get(console(artist, "transactions", payment))).status_code == 200
    assert (await theirs.get(console(artist, "transactions", payment, "refund"))).status_code == 404


async def test_what_is_no_payment_of_ones_own_cannot_be_refunded(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    (funding,) = await world.rows("SELECT transaction_id FROM transaction WHERE book_id = $1", seller.book_id)
    other = await (await prepaid_customer(world, await world.seller("Other"))).pay("1")
    for transaction in (funding["transaction_id"], other):
        assert (await browser.get(console(seller, "transactions", transaction, "refund"))).status_code == 404

    payment = await customer.pay("5")
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    assert "Refund…" not in Page(await viewer.get(console(seller, "transactions", payment))).text
    assert (await viewer.get(console(seller, "transactions", payment, "refund"))).status_code == 403


async def test_a_reference_that_no_form_made_is_replaced(seller: Seller, browser: Browser, customer: Customer) -> None:
    payment = await customer.pay("5", CallerReference="order-1")
    preview = await asked(browser, seller, payment, how="all", reference="order-1")

    assert Page(preview).form("/refund").fields["reference"].startswith("console-")
    back = next(link for link in Page(preview).links if "/refund?" in link)
    assert dict(parse_qsl(urlsplit(back).query))["reference"].startswith("console-")


async def test_a_refund_that_the_network_declines_is_booked_back(
    world: World, seller: Seller, browser: Browser
) -> None:
    card = await paying_customer(world, seller, Method.CC)
    charged = await card.pay("10")
    await world.rail_answers()
    done = await browser.submit(await asked(browser, seller, charged, how="part", amount="2.70"), "/refund")
    await world.rail_answers()

    page = Page(await browser.get(str(done.url)))
    assert "Refund of 2.70 USD" in page.text
    assert "Failed" in page.text
    assert "Booked back: the refund was declined" in page.text
    assert "The refund is made." not in page.text
    assert (
        "10.00 USD of 10.00 USD can be given back"
        in Page(await browser.get(console(seller, "transactions", charged, "refund"))).text
    )
