"""A person in a real browser goes through both hosted flows."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.stories.pages.world import PASSWORD, Seller, World
from tests.stories.pictures import png

from tallystick.client import buttons
from tallystick.client.fps import Credentials
from tallystick.store.accounts import logos
from tallystick.store.accounts.logos import Logo

CONTRAST = """() => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!text || element.closest('.hidden') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) poor.push([element.className || element.tagName, ratio]);
  }
  return poor;
}"""


@asynccontextmanager
async def tab(chromium: Browser, world: World, **options: Any) -> AsyncIterator[Page]:  # noqa: ANN401 - Playwright's
    """A fresh browser with one tab; nothing may be blocked or go wrong on our pages."""
    context = await chromium.new_context(base_url=world.base_url, **options)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    # a form that is shown again says so with its status, and Chromium tells
    assert [text for text in complaints if "favicon" not in text and "422" not in text] == []


async def sign_up(page: Page) -> None:
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_label("Full name").fill("Ann Buyer")
    await page.get_by_label("E-mail address").fill(f"{secrets.token_hex(6)}@buyer.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()


async def test_prepaid_by_card(chromium: Browser, world: World, seller: Seller, shop: str) -> None:
    async with tab(chromium, world, viewport={"width": 1280, "height": 860}) as page:
        await page.goto(seller.url(seller.prepaid(returnURL=shop, websiteDescription="The Music Shop")))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        await sign_up(page)
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_label("Expires").fill("10/31")
        await page.get_by_role("button", name="Use this card").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Check and confirm")
        await expect(
            page.get_by_text("Music Shop may take up to 25.00 USD from your card ending in 4242")
        ).to_be_visible()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = page.url

    answer = await world.checked(url)

    assert (answer["status"], answer["expiry"], answer["order"]) == ("SC", "10/2031", "7")
    made = await world.rows("SELECT instrument_id FROM instrument WHERE book_id = $1", seller.book_id)
    assert made == [{"instrument_id": answer["prepaidInstrumentID"]}]


async def test_postpaid_from_the_account_balance_on_a_phone(
    chromium: Browser, world: World, seller: Seller, shop: str
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"}
    async with tab(chromium, world, **phone) as page:
        await page.goto(seller.url(seller.postpaid(returnURL=shop, collectShippingAddress="True")))
        await sign_up(page)
        await page.get_by_text("Add test money to your account balance").click()
        await page.get_by_label("Amount in USD").fill("120.50")
        await page.get_by_role("button", name="Add test money").click()
        await expect(page.get_by_text("120.50 USD available")).to_be_visible()
        await page.get_by_role("radio", name="Account balance").check()
        await page.get_by_role("button", name="Continue").click()
        for label, text in {
            "Street and number": "1 Main St",
            "Postal code": "12345",
            "City": "Springfield",
            "Country": "USA",
        }.items():
            await page.get_by_label(label).fill(text)
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_text("You never owe more than 100.00 USD at any one time.")).to_be_visible()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = page.url

    answer = await world.checked(url)

    assert (answer["status"], answer["city"]) == ("SA", "Springfield")
    made = await world.rows("SELECT instrument_id FROM instrument WHERE book_id = $1", seller.book_id)
    assert made == [{"instrument_id": answer["creditInstrumentID"]}]


async def test_a_single_payment_with_its_lines(chromium: Browser, world: World, seller: Seller, shop: str) -> None:
    lines = {"itemTotal": "22.00", "shipping": "4.90", "discount": "2.00"}
    async with tab(chromium, world, viewport={"width": 1280, "height": 860}) as page:
        await page.goto(seller.url(seller.request("SingleUse", returnURL=shop, **lines)))
        await sign_up(page)
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_label("Expires").fill("10/31")
        await page.get_by_role("button", name="Use this card").click()
        await expect(page.get_by_role("row", name="Shipping 4.90 USD")).to_be_visible()
        await expect(page.get_by_role("row", name="To pay 24.90 USD")).to_be_visible()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = page.url

    answer = await world.checked(url)

    assert answer["status"] == "SC"
    made = await world.rows("SELECT token_id, token_type FROM token WHERE book_id = $1", seller.book_id)
    assert made == [{"token_id": answer["tokenID"], "token_type": "SingleUse"}]


async def test_a_business_agrees_to_receive_on_a_phone(
    chromium: Browser, world: World, seller: Seller, shop: str
) -> None:
    band = await world.seller("The Band", signs_in=True)
    await logos.save(world.pool, seller.party.party_id, Logo("image/png", png(215, 40)), world.clock())
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"}
    async with tab(chromium, world, **phone) as page:
        await page.goto(seller.url(seller.request("Recipient", returnURL=shop, maxVariableFee="5")))
        logo = page.get_by_role("img", name="Music Shop")
        assert await logo.evaluate("image => image.naturalWidth") == 215
        await expect(page.get_by_role("link", name="Create an account")).to_have_count(0)
        await page.get_by_label("E-mail address").fill(band.party.email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_text("Music Shop keeps at most 5 % of each payment")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.evaluate(CONTRAST) == []
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = page.url

    answer = await world.checked(url)

    assert answer["status"] == "SR"
    made = await world.rows("SELECT token_id FROM token WHERE book_id = $1 AND purpose = 'recipient'", seller.book_id)
    assert made == [{"token_id": answer["tokenID"]}]


async def test_a_simple_pay_button_on_a_shops_page(chromium: Browser, world: World, seller: Seller, shop: str) -> None:
    fields = {"amount": "USD 12.50", "description": "One CD", "returnUrl": shop, "abandonUrl": shop}
    keys = Credentials(seller.key.access_key_id, seller.key.secret)
    html = buttons.simple_pay_form(world.base_url, keys, fields, "Pay Now")
    async with tab(chromium, world) as page:
        await page.goto(shop)
        await page.set_content(html)
        await page.get_by_role("button", name="Pay Now").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        await sign_up(page)
        await page.get_by_text("Add test money to your account balance").click()
        await page.get_by_label("Amount in USD").fill("20")
        await page.get_by_role("button", name="Add test money").click()
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("button", name="Pay 12.50 USD").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = page.url

    answer = await world.checked(url)

    assert (answer["status"], answer["order"]) == ("PS", "7")


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until `target` has the focus, and the eye can see that it has."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            ring = "element => getComputedStyle(element.closest('.choice') ?? element).outlineStyle"
            assert await target.evaluate(ring) != "none"
            return
    pytest.fail(f"the keyboard does not reach {target}")


async def type_into(page: Page, label: str, text: str) -> None:
    await tab_to(page, page.get_by_label(label))
    await page.keyboard.type(text)


async def press(page: Page, role: Any, name: str) -> None:  # noqa: ANN401 - Playwright's
    await tab_to(page, page.get_by_role(role, name=name))
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_with_the_keyboard_alone(chromium: Browser, world: World, seller: Seller, shop: str) -> None:
    async with tab(chromium, world) as page:
        await page.goto(seller.url(seller.prepaid(returnURL=shop)))
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the form")).to_be_focused()
        await press(page, "link", "Create an account")
        await type_into(page, "Full name", "Ann Buyer")
        await type_into(page, "E-mail address", f"{secrets.token_hex(6)}@buyer.example")
        await type_into(page, "Password", PASSWORD)
        await press(page, "button", "Create account")
        await tab_to(page, page.get_by_role("radio", name="Account balance"))
        await page.keyboard.press("Space")
        await press(page, "button", "Continue")
        await press(page, "button", "Confirm")
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = page.url

    assert (await world.checked(url))["status"] == "SA"


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_every_page_can_be_read_on_a_narrow_screen(
    chromium: Browser, world: World, seller: Seller, color_scheme: str
) -> None:
    narrow = {"viewport": {"width": 320, "height": 640}, "color_scheme": color_scheme}
    params = seller.postpaid(
        paymentReason="A-very-long-word-without-any-place-to-break-" * 3, collectShippingAddress="True"
    )
    context = await chromium.new_context(base_url=world.base_url, **narrow)  # type: ignore[arg-type]
    page = await context.new_page()

    async def readable() -> None:
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
        assert await page.evaluate(CONTRAST) == [], page.url

    await page.goto(seller.url(params))
    await readable()
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert")).to_contain_text("There are 3 problems")
    await readable()
    await page.goto(seller.url(params))
    await sign_up(page)
    await readable()
    for step in ("card", "bank-account"):
        await page.goto(page.url.rpartition("/")[0] + f"/{step}")
        await readable()
    await page.get_by_label("Routing number").fill("110000000")
    await page.get_by_label("Account number").fill("000123456789")
    await page.get_by_role("button", name="Use this bank account").click()
    await readable()
    for label in ("Street and number", "Postal code", "City", "Country"):
        await page.get_by_label(label).fill("A long answer to a short question")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Check and confirm")
    await readable()
    await page.goto("/nowhere")
    await readable()
    await page.goto(seller.url(params) + "x")
    await readable()
    await context.close()
