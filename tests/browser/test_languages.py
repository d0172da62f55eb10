"""The hosted pages from right to left, and in long words, on the smallest phone and on a desk."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import CONTRAST, tab
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.store.accounts import branding
from tallystick.store.accounts.branding import Branding

CUT_OFF = """() => [...document.querySelectorAll('main *, header *, footer *')]
  .filter(e => e.checkVisibility() && !e.closest('.hidden, .skip') && e.clientWidth)
  .filter(e => e.scrollWidth > e.clientWidth + 1)
  .map(e => e.tagName + '.' + e.className)"""


async def looked_at(page: Page, width: int) -> None:
    """Nothing is wider than the screen, cut off or hard to read."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    assert await page.evaluate(CUT_OFF) == [], page.url
    assert await page.evaluate(CONTRAST) == [], page.url


@pytest.mark.parametrize(("language", "width"), [("ar", 320), ("ar", 1280), ("de", 320)])
async def test_a_flow(chromium: Browser, world: World, seller: Seller, language: str, width: int) -> None:
    band = await world.seller("The Band", signs_in=True)
    await branding.save(world.pool, seller.party.party_id, Branding(accent="#e0b000"), world.clock())
    screen = {"viewport": {"width": width, "height": 800}, "locale": language}
    async with tab(chromium, world, **screen) as page:
        await page.goto(seller.url(seller.prepaid(collectShippingAddress="True", validityExpiry="4102444800")))
        await looked_at(page, width)
        await page.locator("a[href$='/sign-up']").click()
        await page.locator("form[action$='/sign-up'] button").click()
        await expect(page.locator(".problems")).to_be_visible()
        await looked_at(page, width)
        await page.locator("form[action$='/sign-up'] ~ a").click()
        await page.locator("#email").fill(band.party.email)
        await page.locator("#password").fill(PASSWORD)
        await page.locator("form[action$='/sign-in'] button").first.click()
        await looked_at(page, width)
        await page.locator("#number").fill("4242 4242 4242 4242")
        await page.locator("#expiry").fill("10/31")
        await page.locator("form[action$='/card'] button").click()
        await looked_at(page, width)
        for name in ("addressLine1", "zip", "city", "country"):
            await page.locator(f"#{name}").fill("1 Main St")
        await page.locator("form[action$='/address'] button").click()
        await expect(page.locator(".promises")).to_be_visible()
        await looked_at(page, width)
        await page.goto("/account/payment-methods")
        await looked_at(page, width)


async def test_right_to_left_is_the_other_way_round(chromium: Browser, world: World, seller: Seller) -> None:
    async with tab(chromium, world, viewport={"width": 1280, "height": 800}) as page:
        await page.goto(seller.url(seller.prepaid()))
        assert await left_of(page, ".offer") < await left_of(page, ".step")
        await page.get_by_role("link", name="العربية").click()
        assert await left_of(page, ".offer") > await left_of(page, ".step")
        await expect(page.locator(".figure-amount")).to_contain_text("25.00 USD")
        assert await page.locator("#email").evaluate("e => getComputedStyle(e).direction") == "ltr"


async def left_of(page: Page, selector: str) -> float:
    box = await page.locator(selector).bounding_box()
    assert box is not None
    return box["x"]
