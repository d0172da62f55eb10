"""What a seller sees in the morning: figures that agree with the books, and charts with a table behind each."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from tests.stories.pages.business import postpaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Page, Seller, World

from tallystick.client.fps import amount
from tallystick.domain.money import parse_amount
from tallystick.store.queries import figures
from tallystick.store.queries.figures import Sum


async def spending_token(world: World, seller: Seller, funded: str) -> str:
    """The sender token of a new buyer's balance."""
    browser = world.browser()
    page = await browser.sign_up(await browser.get(seller.url(seller.prepaid(fundingAmount="500.00"))))
    answer = await world.answer(await browser.submit(await browser.use_test_money(page, "1000"), "/confirm"))
    funding = {
        "SenderTokenId": answer["fundingTokenID"],
        "PrepaidInstrumentId": answer["prepaidInstrumentID"],
        "CallerReference": secrets.token_hex(6),
    }
    await seller.api.call("FundPrepaid", funding | amount("FundingAmount", parse_amount(funded)))
    return answer["prepaidSenderTokenID"]


async def tab_token(world: World, seller: Seller) -> str:
    """The sender token of a new buyer's tab."""
    browser = world.browser()
    page = await browser.at_confirm(seller.url(seller.postpaid()))
    answer = await world.answer(await browser.submit(page, "/confirm"))
    return answer["creditSenderTokenID"]


def stat(page: Page, label: str) -> str:
    """The text of the page from a label on."""
    return page.text[page.text.index(label) :][:80]


async def test_the_first_page_adds_up_the_day(world: World, seller: Seller) -> None:
    balance, tab = await spending_token(world, seller, "100"), await tab_token(world, seller)
    for value in ("10", "2.50", "0.25"):
        assert await seller.told(balance, value) == "Success"
    assert await seller.told(tab, "7") == "Success"
    assert await seller.told(balance, "400") == "InsufficientBalance"

    browser = await at_work(world, seller)
    page = Page(await browser.get(console(seller)))

    assert "19.75 USD 4 payments" in stat(page, "Payments")
    assert "100.00 USD 100.00 USD into balances" in stat(page, "Funded and settled")
    assert "87.25 USD on 1 balance" in stat(page, "Prepaid liability")
    assert "7.00 USD on 1 tab, 0.00 USD over 30 days" in stat(page, "Outstanding debt")
    assert "1 most often InsufficientBalance 0 yesterday" in stat(page, "Refused requests")
    assert "Latest activity All activity" in page.text
    assert [f"/{part}" in link for part in ("transactions",) for link in page.links].count(True) == 5
    assert re.findall(r"<h3 [^>]*>([^<]+)</h3>", page.response.text) == [
        "Payments per day",
        "Funding and spending",
        "Prepaid liability",
        "Outstanding debt by age in days",
        "Money received",
        "Refusals by code",
    ]


async def test_every_chart_is_words_too(world: World, seller: Seller) -> None:
    balance = await spending_token(world, seller, "100")
    await seller.told(balance, "10")
    browser = await at_work(world, seller)
    for period in ("24h", "14d", "13w"):
        text = (await browser.get(console(seller) + f"?period={period}")).text
        charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
        assert len(charts) == 4
        assert all('role="img"' in chart and re.search(r'aria-label="[^"]+\."', chart) for chart in charts)
        assert all("style=" not in chart and "<style" not in chart and "<script" not in chart for chart in charts)
        assert all("USD</text>" in chart for chart in charts), "the axis names its unit"
        assert len(re.findall(r'<details>\s*<summary>Show as a table</summary>\s*<table class="data"', text)) == 4
        assert "No request was refused in" in text
        assert "10.00 USD" in text


async def test_what_was_added_up_before_and_the_last_minutes_are_one_figure(world: World, seller: Seller) -> None:
    balance, tab = await spending_token(world, seller, "100"), await tab_token(world, seller)
    await seller.told(balance, "10")
    await seller.told(tab, "3")
    await seller.told(balance, "400")
    browser = await at_work(world, seller)
    await browser.get(console(seller))
    await world.later(seller, timedelta(minutes=20))  # the test clock: what happened so far is over
    await seller.told(balance, "1")
    page = Page(await browser.get(console(seller)))
    now = world.clock() + timedelta(minutes=20)
    state = await figures.catch_up(world.pool, [seller.book_id], now)
    found = await figures.since(world.pool, now - timedelta(days=2), "week", state)
    sums = {name: found_sum for of_week in found.values() for name, found_sum in of_week.items()}

    assert "14.00 USD" in page.text
    assert sums == {
        "spent": Sum(2, 11_000_000),
        "charged": Sum(1, 3_000_000),
        "funded": Sum(1, 100_000_000),
        "refused:InsufficientBalance": Sum(1, 0),
    }
    assert state.complete_until > world.clock()
    assert await world.rows("SELECT FROM figure_slice WHERE book_id = $1", seller.book_id)


async def test_today_stands_beside_yesterday(world: World, seller: Seller) -> None:
    balance = await spending_token(world, seller, "100")
    await seller.told(balance, "10")
    await seller.told(balance, "400")
    browser = await at_work(world, seller)
    await world.later(seller, timedelta(days=1))
    await seller.told(balance, "2")

    page = Page(await browser.get(console(seller)))

    assert "2.00 USD 1 payment 10.00 USD yesterday" in stat(page, "Payments")
    assert "0.00 USD 0.00 USD into balances 100.00 USD yesterday" in stat(page, "Funded and settled")
    assert "0 none since midnight 1 yesterday" in stat(page, "Refused requests")


async def test_debts_and_their_ages_are_of_one_moment(world: World, seller: Seller) -> None:
    old, older, new = [await postpaid_customer(world, seller) for _ in range(3)]
    await old.pay("50")
    await older.pay("20")
    await world.later(seller, timedelta(days=40))
    browser = await at_work(world, seller)
    assert "70.00 USD on 2 tabs, 70.00 USD over 30 days" in stat(
        Page(await browser.get(console(seller))), "Outstanding debt"
    )

    await old.settle("50")  # what was looked through before holds no longer, although as much is owed
    await new.pay("50")
    page = Page(await browser.get(console(seller)))

    assert "70.00 USD on 2 tabs, 20.00 USD over 30 days" in stat(page, "Outstanding debt")
    assert "20.00 USD of 70.00 USD is older than 30 days." in page.response.text
    await older.settle("20")
    page = Page(await browser.get(console(seller)))
    assert "50.00 USD on 1 tab, 0.00 USD over 30 days" in stat(page, "Outstanding debt")
    assert "0.00 USD of 50.00 USD is older than 30 days." in page.response.text


async def test_debts_become_older_although_nobody_pays(world: World, seller: Seller) -> None:
    await (await postpaid_customer(world, seller)).pay("50")
    browser = await at_work(world, seller)
    await world.later(seller, timedelta(days=29))
    assert "0.00 USD over 30 days" in Page(await browser.get(console(seller))).text
    await world.later(seller, timedelta(days=2))
    assert "50.00 USD on 1 tab, 50.00 USD over 30 days" in Page(await browser.get(console(seller))).text


async def test_a_console_without_payments_says_what_to_do(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller)
    page = Page(await browser.get(console(seller)))
    assert "No payments yet" in page.text
    assert console(seller, "keys") in page.links


async def test_live_is_told_from_the_sandbox_on_every_page(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller)
    sandbox = Page(await browser.get(console(seller)))
    live = Page(await browser.get(console(seller, environment="live")))
    assert "Test mode: no real money moves" in sandbox.text
    assert "Test mode" not in live.text
    assert "has no live books" in live.text
    for page in (sandbox, live):
        assert {console(seller), console(seller, environment="live")} <= set(page.links)
