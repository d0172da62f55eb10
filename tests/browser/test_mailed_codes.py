"""A buyer in a real browser who has no account and types no password."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect
from tests.browser.test_passkeys import tab
from tests.stories.pages.codes import new_address
from tests.stories.pages.world import Seller, World


@pytest.mark.parametrize("width", [1280, 320])
async def test_paying_with_a_code_and_choosing_a_password_later(
    chromium: Browser, world: World, seller: Seller, shop: str, width: int
) -> None:
    email = new_address()
    async with tab(chromium, world, viewport={"width": width, "height": 800}, java_script_enabled=width > 320) as page:
        await page.goto(seller.url(seller.prepaid(returnURL=shop)))
        await page.get_by_role("link", name="Continue with a code by e-mail").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Continue with a code")
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_role("button", name="Send the code").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")
        await expect(page.get_by_text(f"We sent a letter to {email}.")).to_be_visible()
        await page.get_by_label("Code from the letter").fill("1234")
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_text("Problem: This is not the code")).to_be_visible()
        await page.get_by_label("Code from the letter").fill(await world.mailed_code(email))
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_label("Expires").fill("10/31")
        await page.get_by_role("button", name="Use this card").click()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert (await world.checked(page.url))["status"] == "SC"

        await page.goto("/account/security")
        await page.get_by_role("link", name="Choose a password").click()
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_role("button", name="Send the link").click()
        await page.goto(await world.mailed_link(email))
        await page.get_by_label("New password").fill("an entirely different sentence")
        await page.get_by_role("button", name="Change password").click()
        await page.goto("/account/sign-in")
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_label("Password").fill("an entirely different sentence")
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page).to_have_url(f"{world.base_url}/account")
