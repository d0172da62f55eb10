"""A developer in a real browser tries a request and a button in the sandbox."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import CONTRAST, tab
from tests.stories.pages.people import console, employee
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import outbox

PHONE = {"viewport": {"width": 320, "height": 720}}
DESK = {"viewport": {"width": 1280, "height": 900}}
TOOLS = (
    "notifications",
    "notifications/settings",
    "tools/requests",
    "tools/requests?action=Pay",
    "tools/requests?endpoint=charges.create",
    "tools/buttons",
    "tools/buttons?kind=SetupPostpaid",
    "tools/faults",
    "tools/clock",
    "tools/clock?count=40&unit=Day",
)


async def at_work(page: Page, world: World, seller: Seller, at: str) -> None:
    """A new developer signs in and comes to a page of the console."""
    developer = await employee(world, seller, StaffRole.DEVELOPER)
    await page.goto(f"{console(seller)}/{at}")
    await page.get_by_label("E-mail address").fill(developer.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("java_script_enabled", [True, False])
async def test_a_request_is_built_signed_and_sent(
    chromium: Browser, world: World, seller: Seller, *, java_script_enabled: bool
) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    options = {"java_script_enabled": java_script_enabled, "permissions": permissions, **DESK}
    async with tab(chromium, world, **options) as page:
        await at_work(page, world, seller, "tools/requests?face=query")
        await page.get_by_role("link", name="InstallPaymentInstruction").click()
        await page.get_by_label("PaymentInstruction").fill("MyRole == 'Caller' orSay 'Role does not match';")
        await page.get_by_label("TokenType").select_option("Unrestricted")
        await page.get_by_label("CallerReference").fill("from the explorer")
        await page.get_by_label("Send as").select_option("POST")
        await page.get_by_role("button", name="Sign only").click()
        await expect(page.get_by_role("heading", name="Signed, not sent")).to_be_visible()
        await expect(page.get_by_label("CallerReference")).to_have_value("from the explorer")
        await page.get_by_role("button", name="Sign and send").click()
        await expect(page.get_by_text("200 OK")).to_be_visible()
        await expect(page.locator("pre").first).to_contain_text("<TokenId>")
        copies = page.get_by_role("button", name="Copy")
        if java_script_enabled:
            await copies.nth(1).click()
            await expect(page.get_by_role("button", name="Copied")).to_be_visible()
            copied = await page.evaluate("navigator.clipboard.readText()")
            assert copied == await page.locator("pre").nth(1).text_content()
            assert copied.startswith(f"POST\n{world.host}\n/\nAWSAccessKeyId={seller.key.access_key_id}&")
        else:
            await expect(copies).to_have_count(0)

    assert await world.rows("SELECT caller_reference FROM token WHERE book_id = $1", seller.book_id) == [
        {"caller_reference": "from the explorer"}
    ]


@pytest.mark.parametrize(("kind", "status"), [("SetupPrepaid", "SC"), ("SimplePay", "PI")])
async def test_a_button_is_made_and_tried_to_the_end(
    chromium: Browser, world: World, seller: Seller, kind: str, status: str
) -> None:
    async with tab(chromium, world, **DESK) as page:
        await at_work(page, world, seller, "tools/buttons")
        await page.get_by_role("link", name=kind).click()
        await page.get_by_role("button", name="Make the button").click()
        await expect(page.get_by_label("HTML to copy")).to_have_value(re.compile("^<(a href|form method)="))
        async with page.expect_popup() as opened:
            await page.get_by_text("Try it").click()
        buyer = await opened.value
        await buyer.get_by_label("Card number").fill("4242 4242 4242 4242")
        await buyer.get_by_label("Expires").fill("10/31")
        await buyer.get_by_role("button", name="Use this card").click()
        await buyer.locator("form[action$='/confirm'] button").click()
        await expect(buyer.get_by_role("heading", name="Back from the hosted pages")).to_be_visible()
        await expect(buyer.get_by_text("The signature is genuine")).to_be_visible()
        await expect(buyer.get_by_text(f"Status {status} means")).to_be_visible()
    await world.rail_answers()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_the_tools_can_be_read_on_a_narrow_screen(
    chromium: Browser, world: World, seller: Seller, color_scheme: str
) -> None:
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, f"https://shop.example/{'ipn' * 40}", world.clock())
    async with tab(chromium, world, **PHONE, color_scheme=color_scheme) as page:
        await at_work(page, world, seller, "notifications")
        for path in TOOLS:
            await page.goto(f"{console(seller)}/{path}")
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
            assert await page.evaluate(CONTRAST) == [], path
