"""Buyer, seller's staff and operator, on a desk and on a phone: what each does on their pages, without scripts."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_account_pages import authorized, sign_in
from tests.browser.test_hosted_flows import tab
from tests.stories.pages.business import postpaid_customer, prepaid_customer
from tests.stories.pages.people import code_of, console, employee, operator
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.services.operations.verification import prove_if_due
from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import outbox, verification_runs

SCREENS = pytest.mark.parametrize("width", [390, 1280])


@asynccontextmanager
async def screen(chromium: Browser, world: World, width: int) -> AsyncIterator[Page]:
    viewport = {"width": width, "height": 860}
    async with tab(chromium, world, viewport=viewport, java_script_enabled=False) as page:
        yield page


async def go(page: Page, name: str) -> None:
    """Follow a link of the page's own part, and see that where it leads fits the screen."""
    async with page.expect_navigation():
        await page.get_by_role("main").get_by_role("link", name=name).first.click()
    size = page.viewport_size
    assert size is not None
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url


async def done(page: Page, button: str, told: str) -> None:
    """Press a button, and read what became of it."""
    await page.get_by_role("main").get_by_role("button", name=button, exact=True).first.click()
    await expect(page.get_by_role("status").filter(has_text=told)).to_be_visible()


@SCREENS
async def test_a_buyer_sets_their_account_in_order(chromium: Browser, world: World, seller: Seller, width: int) -> None:
    email, _ = await authorized(world, seller)
    async with screen(chromium, world, width) as page:
        await page.goto("/account/payment-methods")
        await sign_in(page, email)
        await go(page, "Add a card")
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_label("Expires").fill("10/31")
        await page.get_by_role("button", name="Add this card").click()
        await go(page, "Replace")
        await page.get_by_label("Card number").fill("5555 5555 5555 4444")
        await page.get_by_label("Expires").fill("11/32")
        await page.get_by_role("main").get_by_role("button").last.click()
        await expect(page.get_by_text("Mastercard ending in 4444")).to_be_visible()
        await expect(page.get_by_text("Visa ending in 4242")).to_have_count(0)
        await go(page, "Remove")
        await page.get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("Mastercard ending in 4444")).to_have_count(0)

        await page.goto("/account/security")
        await page.get_by_label("Present password").fill(PASSWORD)
        await page.get_by_label("New password").fill(f"{PASSWORD} and one more")
        await done(page, "Change password", "password")


@SCREENS
async def test_an_owner_minds_the_shop(chromium: Browser, world: World, seller: Seller, width: int) -> None:
    balance, tab_ = await prepaid_customer(world, seller), await postpaid_customer(world, seller)
    await balance.pay("5")
    await tab_.pay("12")
    owner, colleague = await employee(world, seller, StaffRole.OWNER), await employee(world, seller, StaffRole.VIEWER)
    async with screen(chromium, world, width) as page:
        await page.goto(console(seller, "keys"))
        await sign_in(page, owner.email)
        await go(page, "Make a key")
        await page.get_by_role("radio", name="Everything").check()
        await page.get_by_role("button", name="Make the key").click()
        await expect(page.get_by_text("secret", exact=False).first).to_be_visible()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your new key")
        await page.goto(console(seller, "keys"))
        await go(page, "Rotate or revoke")
        await page.get_by_role("button", name="Make the new key").click()
        await page.goto(console(seller, "keys"))
        await go(page, "Rotate or revoke")
        await go(page, "Revoke this key")
        await done(page, "Revoke the key", "is revoked")

        await page.goto(console(seller, "notifications", "settings"))
        await page.get_by_label("Notification address").fill("http://127.0.0.1:9/ipn")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("alert").first).to_be_visible()
        await page.get_by_label("Notification address").fill("https://shop.example/ipn")
        await done(page, "Save", "Saved.")

        await page.goto(console(seller, "branding"))
        await page.get_by_label("Accent colour").first.fill("#b31b4e")
        await done(page, "Save", "Saved")

        await page.goto(console(seller, "staff"))
        await page.get_by_label("E-mail address").fill(f"{secrets.token_hex(6)}@new.example")
        await done(page, "Send the invitation", "A letter is on its way")
        await page.goto(console(seller, "staff", str(colleague.party_id)))
        await page.get_by_role("radio", name="Finance").check()
        await done(page, "Save the role", "role")

        await page.goto(console(seller, "debts"))
        await go(page, "Choose all on this page")
        await page.get_by_role("button", name="Write off…").click()
        await page.get_by_role("button", name=re.compile("^Write off 12.00")).click()
        await expect(page.get_by_role("status")).to_contain_text("Done. It is written off.")

        await page.goto(console(seller, "tokens", balance.spending))
        await go(page, "Cancel")
        await done(page, "Cancel token", "The token is cancelled.")
        await page.goto(console(seller, "audit"))
        await expect(page.get_by_role("row")).not_to_have_count(0)

    assert await seller.told(balance.spending, "1") == "TokenNotActive_Sender"


@SCREENS
async def test_an_operator_keeps_the_service_running(
    chromium: Browser, world: World, seller: Seller, width: int
) -> None:
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
    customer = await prepaid_customer(world, seller)
    await customer.pay("5")
    await world.pool.execute("UPDATE outbox SET state = 'dead' WHERE book_id = $1", seller.book_id)
    someone = await operator(world)
    async with screen(chromium, world, width) as page:
        await page.goto(f"/admin/accounts/{seller.party.party_id}")
        await sign_in(page, someone.email)
        await page.get_by_label("Code").fill(await code_of(world, someone))
        await page.get_by_role("button", name="Sign in").click()
        await page.locator("summary").filter(has_text="Verify the account").click()
        await done(page, "Verify the account", "The account is verified.")

        await page.goto("/admin/notifications")
        await done(page, "Send all that were given up again", "sent again")

        await page.goto("/admin/verification")
        await page.get_by_role("button", name="Verify now").click()
        await expect(page.get_by_role("status")).to_contain_text("under way")
        await prove_if_due(world.service)
        (run, *_) = await verification_runs.latest(world.pool, 1)
        await page.goto(f"/admin/verification/{run.run_id}")
        await expect(page.get_by_text("0.00 USD").first).to_be_visible()
    waiting = await world.rows("SELECT state FROM outbox WHERE book_id = $1", seller.book_id)
    assert "dead" not in {row["state"] for row in waiting}
