"""Passkeys in a real browser, whose authenticator is one of the browser's own making."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import CONTRAST
from tests.stories.pages.serving import running
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.db.connections import Pool
from tallystick.store.ledger.verify import verify

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
async def localhost(pool: Pool) -> AsyncIterator[World]:
    """Passkeys are bound to a name: the service is reached by one."""
    async with running(pool, "localhost") as world:
        yield world
        assert (await verify(pool)).problems == []


@pytest.fixture
async def named(localhost: World) -> World:
    localhost.clock.ahead = timedelta(0)
    return localhost


NOT_WHILE_TYPING = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
"""Its owner is at hand all the time, so the authenticator would answer before anybody clicked."""


@asynccontextmanager
async def tab(
    chromium: Browser,
    world: World,
    *,
    while_typing: bool = False,
    **options: Any,  # noqa: ANN401 - Playwright's
) -> AsyncIterator[Page]:
    """A fresh browser with an authenticator and one tab; nothing may be blocked or go wrong on our pages."""
    context = await chromium.new_context(base_url=world.base_url, **options)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    if not while_typing:
        await page.add_init_script(NOT_WHILE_TYPING)
    session = await context.new_cdp_session(page)
    await session.send("WebAuthn.enable", {"enableUI": False})
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert [text for text in complaints if "favicon" not in text and "422" not in text] == []


async def new_account(page: Page, seller: Seller) -> str:
    email = f"{secrets.token_hex(6)}@buyer.example"
    await page.goto(seller.url(seller.prepaid(paymentMethod="ABT")))
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_label("Full name").fill("Ann Buyer")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("button", name="Not you?")).to_be_visible()
    return email


async def add_passkey(page: Page, name: str = "Ann's phone") -> None:
    await page.goto("/account/security")
    await page.get_by_role("link", name="Add a passkey").click()
    await page.get_by_label("Name of the passkey").fill(name)
    await page.get_by_role("button", name="Make the passkey").click()
    await expect(page.get_by_role("status")).to_have_text("The passkey is added. You can sign in with it from now on.")


async def test_a_passkey_is_made_used_and_removed(chromium: Browser, named: World) -> None:
    seller = await named.seller()
    async with tab(chromium, named, viewport={"width": 390, "height": 844}) as page:
        email = await new_account(page, seller)
        await add_passkey(page)
        assert (await named.mailed(email)).subject == "A passkey was added to your account"
        await expect(page.get_by_text("Never used so far.")).to_be_visible()
        assert await page.evaluate(CONTRAST) == []

        await page.get_by_role("button", name="Sign out", exact=True).first.click()
        await page.goto("/account/sign-in")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page).to_have_url(f"{named.base_url}/account")

        await page.goto("/account/security")
        await expect(page.get_by_text("Last used on")).to_be_visible()
        await page.get_by_role("button", name="Remove Ann's phone").click()
        await expect(page.get_by_role("status")).to_have_text("The passkey is removed.")

        await page.get_by_role("button", name="Sign out", exact=True).first.click()
        await page.goto("/account/sign-in")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.locator("#problems")).to_contain_text("The passkey was not accepted")
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page).to_have_url(f"{named.base_url}/account")


async def test_the_browser_offers_the_passkey_while_one_types(chromium: Browser, named: World) -> None:
    async with tab(chromium, named, while_typing=True) as page:
        await new_account(page, await named.seller())
        await add_passkey(page)
        await page.get_by_role("button", name="Sign out", exact=True).first.click()

        await page.goto("/account/sign-in?next=/account/security")

        await expect(page.get_by_role("heading", level=1)).to_have_text("Security")


async def test_a_visit_with_a_passkey_alone(chromium: Browser, named: World, shop: str) -> None:
    seller = await named.seller()
    async with tab(chromium, named) as page:
        await new_account(page, seller)
        await add_passkey(page)
        await page.get_by_role("button", name="Sign out", exact=True).first.click()

        await page.goto(seller.url(seller.prepaid(returnURL=shop)))
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_label("Expires").fill("10/31")
        named.clock.ahead = timedelta(minutes=16)
        await page.get_by_role("button", name="Use this card").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
        await page.get_by_role("button", name="Use a passkey").click()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()

    kept = await named.rows("SELECT proved_by FROM authorization_evidence WHERE book_id = $1", seller.book_id)
    assert kept == [{"proved_by": "passkey"}]


async def test_without_javascript_there_is_the_password(chromium: Browser, named: World) -> None:
    context = await chromium.new_context(base_url=named.base_url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/account/sign-in")

    await expect(page.get_by_label("Password")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    await context.close()
