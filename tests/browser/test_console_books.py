"""Somebody of the staff at work in a real browser: finds a payment, refunds part of it, settles what is owed."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import CONTRAST, tab
from tests.stories.pages.business import Customer, postpaid_customer, prepaid_customer
from tests.stories.pages.people import console, employee
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.services.buyer.months import Month
from tallystick.services.seller.staff import StaffRole


@pytest.fixture
async def customers(world: World, seller: Seller) -> tuple[Customer, Customer]:
    """A buyer with a prepaid balance and one with a tab; each bought something."""
    prepaid, tab_ = await prepaid_customer(world, seller), await postpaid_customer(world, seller)
    await prepaid.pay("5", CallerReference=f"order-{seller.party.party_id}", SenderDescription="A-very-long-word-" * 9)
    await tab_.pay("12")
    return prepaid, tab_


async def sign_in(page: Page, world: World, seller: Seller, way_on: str) -> None:
    finance = await employee(world, seller, StaffRole.FINANCE)
    await page.goto(way_on)
    await page.get_by_label("E-mail address").fill(finance.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.usefixtures("customers")
async def test_from_a_search_to_a_refund_and_from_a_debt_to_its_settlement_without_scripts(
    chromium: Browser, world: World, seller: Seller
) -> None:
    async with tab(chromium, world, java_script_enabled=False) as page:
        await sign_in(page, world, seller, console(seller, "activity"))
        await page.get_by_label("Reference, description or id").fill(f"order-{seller.party.party_id}")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.get_by_text("Exactly this reference")).to_be_visible()
        await page.get_by_role("row").get_by_role("link", name="Payment").click()
        await page.get_by_role("link", name="Refund…").click()
        await page.get_by_label("Amount, if part of it").fill("2.00")
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text("17.00 USD will be there then")).to_be_visible()
        await page.get_by_role("button", name="Refund 2.00 USD").dblclick()
        await expect(page.get_by_role("status")).to_contain_text("The refund is made.")

        await page.get_by_role("link", name="Debts").click()
        await page.get_by_role("link", name="Choose all on this page").click()
        await page.get_by_role("button", name="Settle…").click()
        await expect(page.get_by_role("heading", name="Settle 1 debt?")).to_be_visible()
        await page.get_by_label("Amount, if not all of it").fill("5")
        await page.get_by_role("button", name="Settle 12.00 USD").click()
        await expect(page.get_by_role("status")).to_contain_text("Nothing has happened yet.")
        await page.get_by_label("Amount, if not all of it").fill("7")
        await page.get_by_label("Amount, if not all of it").press("Enter")
        await page.get_by_role("button", name="Settle 7.00 USD").click()
        await expect(page.get_by_role("status")).to_contain_text("Done. It is settled.")

    refunds = await world.rows(
        "SELECT amount_micros FROM transaction WHERE book_id = $1 AND operation = 'Refund'", seller.book_id
    )
    assert [refund["amount_micros"] for refund in refunds] == [2_000_000]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_the_books_can_be_read_on_a_narrow_screen(
    chromium: Browser, world: World, seller: Seller, customers: tuple[Customer, Customer], color_scheme: str
) -> None:
    prepaid, tab_ = customers
    payment = await prepaid.pay("1")
    narrow = {"viewport": {"width": 320, "height": 640}, "color_scheme": color_scheme}
    async with tab(chromium, world, **narrow) as page:
        await sign_in(page, world, seller, console(seller, "activity"))
        for path in (
            ("activity",),
            ("activity?from=2020-01-01",),
            ("transactions", payment),
            ("transactions", payment, "refund"),
            ("transactions", payment, "refund?how=all"),
            ("instruments",),
            ("instruments", tab_.instrument),
            ("tokens",),
            ("tokens", prepaid.money),
            ("tokens", prepaid.money, "cancel"),
            ("debts",),
            ("debts", f"preview?deed=settle&debt={tab_.instrument}"),
            (f"close?month={Month.of(world.clock()).text}",),
        ):
            await page.goto(console(seller, *path))
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
            assert await page.evaluate(CONTRAST) == [], path
