"""Instruments and tokens: lists with filters, pages with history, cancelling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.stories.pages.business import paying_customer, postpaid_customer, prepaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.services.seller.staff import StaffRole


async def listed(browser: Browser, seller: Seller, part: str, query: str = "") -> list[str]:
    start = console(seller, part) + "/"
    page = Page(await browser.get(console(seller, part) + query))
    return [link.removeprefix(start) for link in page.links if link.startswith(start)]


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


async def test_nothing_yet(seller: Seller, browser: Browser) -> None:
    assert "No balances and no tabs yet" in Page(await browser.get(console(seller, "instruments"))).text
    assert "No tokens yet" in Page(await browser.get(console(seller, "tokens"))).text


async def test_instruments_are_found_by_what_is_known_of_them(world: World, seller: Seller, browser: Browser) -> None:
    prepaid = await prepaid_customer(world, seller)
    ends = world.clock() + timedelta(days=10)
    tab = await postpaid_customer(world, seller, ends=ends)
    await tab.pay("7")
    (email,) = await world.rows("SELECT email FROM party WHERE party_id = $1", tab.buyer.party_id)
    both = [tab.instrument, prepaid.instrument]

    for query, expected in {
        "": both,
        "?kind=prepaid": [prepaid.instrument],
        "?kind=nonsense": both,
        "?life=active": both,
        "?life=ended": [],
        f"?q={email['email'].upper()}": [tab.instrument],
        f"?q={prepaid.instrument[20:40]}": [prepaid.instrument],
        "?q=%25": [],
        f"?before={tab.instrument}": [prepaid.instrument],
    }.items():
        assert await listed(browser, seller, "instruments", query) == expected, query
    page = Page(await browser.get(console(seller, "instruments")))
    assert "Prepaid, still to be spent 20.00 USD" in page.text
    assert "Owed on tabs 7.00 USD" in page.text

    await world.later(seller, timedelta(days=11))
    assert await listed(browser, seller, "instruments", "?life=ended") == [tab.instrument]


async def test_an_instrument_has_its_page(world: World, seller: Seller, browser: Browser) -> None:
    prepaid, tab = await prepaid_customer(world, seller), await postpaid_customer(world, seller)
    payment, bought = await prepaid.pay("5"), await tab.pay("7")

    page = Page(await browser.get(console(seller, "instruments", prepaid.instrument)))
    assert "15.00 USD left to spend" in page.text
    assert "15.00 USD of at most 25.00 USD" in page.text
    assert {console(seller, "tokens", token) for token in (prepaid.spending, prepaid.money)} <= set(page.links)
    assert console(seller, "transactions", payment) in page.links

    page = Page(await browser.get(console(seller, "instruments", tab.instrument)))
    assert "7.00 USD owed" in page.text
    assert console(seller, "transactions", bought) in page.links
    assert any("deed=settle" in link for link in page.links)
    viewer = Page(
        await (await at_work(world, seller, StaffRole.VIEWER)).get(console(seller, "instruments", tab.instrument))
    )
    assert not any("deed=" in link for link in viewer.links)


async def test_tokens_are_found_by_what_is_known_of_them(world: World, seller: Seller, browser: Browser) -> None:
    prepaid, direct = await prepaid_customer(world, seller), await paying_customer(world, seller)
    (token,) = await world.rows("SELECT caller_reference FROM token WHERE token_id = $1", direct.spending)
    for query, expected in {
        "?kind=sender": [direct.spending],
        "?kind=funding": [prepaid.money],
        f"?q={token['caller_reference']}": [direct.spending],
        "?life=ended": [],
        f"?before={direct.spending}&kind=prepaid_sender": [prepaid.spending],
    }.items():
        assert await listed(browser, seller, "tokens", query) == expected, query
    assert len(await listed(browser, seller, "tokens")) == 3


async def test_a_token_is_cancelled_once(world: World, seller: Seller, browser: Browser) -> None:
    prepaid, direct = await prepaid_customer(world, seller), await paying_customer(world, seller)
    payment = await direct.pay("5")
    page = Page(await browser.get(console(seller, "tokens", direct.spending)))
    assert console(seller, "transactions", payment) in page.links
    assert "What was agreed to" in page.text

    asked = await browser.get(console(seller, "tokens", prepaid.spending, "cancel"))
    assert "The balance can no longer be spent." in Page(asked).text
    done = await browser.submit(asked, "/cancel")
    assert "The token is cancelled." in Page(done).text
    again = await browser.submit(asked, "/cancel")
    assert again.url == done.url
    assert await seller.told(prepaid.spending, "1") == "TokenNotActive_Sender"
    assert await listed(browser, seller, "tokens", "?life=ended") == [prepaid.spending]
    assert await listed(browser, seller, "instruments", "?life=ended") == [prepaid.instrument]
    entries = await world.rows(
        "SELECT subject FROM audit_entry WHERE action = 'token.cancel' AND business_id = $1", seller.party.party_id
    )
    assert [entry["subject"] for entry in entries] == [prepaid.spending]


async def test_cancelling_says_what_becomes_of_the_money_and_leads_to_giving_it_back(
    world: World, seller: Seller, browser: Browser
) -> None:
    customer = await prepaid_customer(world, seller)
    await customer.pay("1.50")
    refund = console(seller, "instruments", customer.instrument, "refund")

    asked = await browser.get(console(seller, "tokens", customer.spending, "cancel"))
    assert "18.50 USD are left on the balance." in Page(asked).text
    assert refund in Page(asked).links
    done = Page(await browser.submit(asked, "/cancel"))

    assert "18.50 USD are left on the balance that it spent." in done.text
    assert refund in done.links
    assert (await browser.get(refund)).status_code == 200
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    seen = Page(await viewer.get(console(seller, "tokens", customer.spending)))
    assert "Owners and finance can give them back." in seen.text
    assert refund not in seen.links


async def test_another_sellers_things_do_not_exist_here(world: World, seller: Seller, browser: Browser) -> None:
    other = await prepaid_customer(world, await world.seller("Other"))
    for path in (
        ("instruments", other.instrument),
        ("tokens", other.spending),
        ("tokens", other.spending, "cancel"),
        ("tokens", other.instrument),
        ("instruments", other.spending),
        ("instruments", "nonsense"),
    ):
        assert (await browser.get(console(seller, *path))).status_code == 404
