"""A seller's morning in a real browser: figures, a key, the look of the hosted page, a new colleague."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_account_pages import authorized
from tests.browser.test_hosted_flows import CONTRAST, tab
from tests.stories.pages.people import console, employee
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import staff

PHONE = {"viewport": {"width": 360, "height": 740}}
DESK = {"viewport": {"width": 1280, "height": 900}}


async def sign_in(page: Page, world: World, seller: Seller) -> None:
    owner = await employee(world, seller, StaffRole.OWNER)
    await page.goto("/console")
    await page.get_by_label("E-mail address").fill(owner.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desktop"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_everything_fits_and_can_be_read(
    chromium: Browser, world: World, seller: Seller, size: dict[str, dict[str, int]], color_scheme: str
) -> None:
    await authorized(world, seller)
    async with tab(chromium, world, **size, color_scheme=color_scheme) as page:
        await sign_in(page, world, seller)
        for parts in (
            [],
            ["keys"],
            ["keys", "new"],
            ["keys", seller.key.access_key_id],
            ["branding"],
            ["staff"],
            ["audit"],
        ):
            await page.goto(console(seller, *parts))
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["viewport"]["width"], parts
            assert await page.evaluate(CONTRAST) == [], parts


TAKEN_APART = """[...document.querySelectorAll(".stat-value")].filter(({firstChild: text}) => {
  const found = /[0-9][0-9.,]*/.exec(text.data);
  if (found === null) return false;
  const range = document.createRange();
  range.setStart(text, found.index);
  range.setEnd(text, found.index + found[0].length);
  const card = text.parentElement.parentElement.getBoundingClientRect();
  return range.getClientRects().length > 1 || range.getBoundingClientRect().right > card.right;
}).map(value => value.textContent)"""
"""Figures whose digits stand on more than one line, or beyond their card."""


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_long_figures_stay_in_one_piece(chromium: Browser, world: World, seller: Seller, width: int) -> None:
    await authorized(world, seller)
    (cash,) = await world.rows("SELECT * FROM account WHERE book_id = $1 AND kind = 'cash'", seller.book_id)
    change = "UPDATE account SET balance_micros = $3 WHERE book_id = $1 AND account_id = $2"
    async with tab(chromium, world, viewport={"width": width, "height": 740}) as page:
        await sign_in(page, world, seller)
        for micros, shown in ((65_130_354_313, "65,130.354313"), (1_234_567_890_123_456, "1,234,567,890.123456")):
            await world.pool.execute(change, seller.book_id, cash["account_id"], micros)
            await page.reload()
            await expect(page.get_by_text(f"{shown} USD")).to_be_visible()
            assert await page.evaluate(TAKEN_APART) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await world.pool.execute(change, seller.book_id, cash["account_id"], cash["balance_micros"])


async def test_a_chart_is_one_picture_with_a_table_behind_it(chromium: Browser, world: World, seller: Seller) -> None:
    await authorized(world, seller)
    async with tab(chromium, world, **DESK, java_script_enabled=False) as page:
        await sign_in(page, world, seller)
        chart = page.get_by_role("figure", name="Payments per day")
        await expect(chart.get_by_role("img")).to_have_accessible_name(
            "Payments per day. 1 payment, 5.00 USD together in 14 days."
        )
        await expect(chart.get_by_role("cell", name="5.00 USD")).to_be_hidden()
        await chart.get_by_text("Show as a table").click()
        await expect(chart.get_by_role("cell", name="5.00 USD")).to_be_visible()
        await page.get_by_role("link", name="24 hours").click()
        await expect(page.get_by_role("figure", name="Payments per hour")).to_be_visible()


async def test_the_preview_follows_what_is_typed(chromium: Browser, world: World, seller: Seller) -> None:
    async with tab(chromium, world, **DESK) as page:
        await sign_in(page, world, seller)
        await page.get_by_role("link", name="Settings").click()
        preview = page.frame_locator("#preview")
        await expect(preview.get_by_text("Music Shop", exact=True)).to_be_visible()
        await page.locator("#name").fill("Songs & Co")
        await page.locator("#accent").fill("#b31b4e")
        await expect(preview.get_by_text("Songs & Co", exact=True)).to_be_visible()
        button = preview.get_by_role("button", name="Sign in", include_hidden=True).first
        await expect(button).to_have_css("background-color", "rgb(179, 27, 78)")
        await expect(page.get_by_label("Pick the accent colour")).to_have_value("#b31b4e")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status")).to_contain_text("Saved.")


async def test_the_sandbox_is_left_by_one_click_and_seen_to_be_left(
    chromium: Browser, world: World, seller: Seller
) -> None:
    async with tab(chromium, world, **PHONE) as page:
        await sign_in(page, world, seller)
        await expect(page.get_by_role("note")).to_contain_text("Test mode")
        await page.get_by_role("navigation", name="Environment").get_by_role("link", name="Live").click()
        await expect(page.get_by_role("note")).to_have_count(0)
        current = page.get_by_role("navigation", name="Environment").locator("[aria-current]")
        await expect(current).to_have_text("Live")
        await page.get_by_role("link", name="To the sandbox").click()
        await expect(page.get_by_role("note")).to_contain_text("Test mode")


async def test_who_works_for_several_sellers_changes_between_them_on_a_phone(
    chromium: Browser, world: World, seller: Seller
) -> None:
    other, someone = await world.seller("Book Shop of a long name"), await employee(world, seller, StaffRole.VIEWER)
    await staff.add(world.pool, other.party.party_id, someone.party_id, StaffRole.VIEWER, world.clock())
    async with tab(chromium, world, viewport={"width": 320, "height": 640}) as page:
        await page.goto("/console")
        await page.get_by_label("E-mail address").fill(someone.email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.get_by_role("link", name=other.party.name).click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await page.get_by_role("link", name="Change seller").click()
        await page.get_by_role("link", name=seller.party.name).click()
        await expect(page.get_by_role("banner")).to_contain_text(seller.party.name)
