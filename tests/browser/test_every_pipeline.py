"""Every way over the hosted pages in a real browser: on a desk with the keyboard alone, on a phone without scripts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import press, tab, type_into
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.client import buttons
from tallystick.client.fps import Credentials

ADDRESS = {"Street and number": "1 Main St", "Postal code": "12345", "City": "Springfield", "Country": "USA"}


class Hand(Protocol):
    """How somebody fills in forms."""

    async def fill(self, label: str, text: str) -> None: ...

    async def press(self, role: Any, name: str) -> None: ...  # noqa: ANN401 - Playwright's


@dataclass(frozen=True)
class Keyboard:
    """Tab, letters and Enter; whatever has the focus shows that it has."""

    page: Page

    async def fill(self, label: str, text: str) -> None:
        await type_into(self.page, label, text)

    async def press(self, role: Any, name: str) -> None:  # noqa: ANN401 - Playwright's
        await press(self.page, role, name)


@dataclass(frozen=True)
class Finger:
    """Touches what it wants."""

    page: Page

    async def fill(self, label: str, text: str) -> None:
        await self.page.get_by_label(label).fill(text)

    async def press(self, role: Any, name: str) -> None:  # noqa: ANN401 - Playwright's
        async with self.page.expect_navigation():
            await self.page.get_by_role(role, name=name).tap()


@dataclass
class Visitor:
    """Goes through a visit, and at every step the page fits the screen."""

    page: Page
    hand: Hand

    async def press(self, role: Any, name: str) -> None:  # noqa: ANN401 - Playwright's
        size = self.page.viewport_size
        assert size is not None
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= size["width"], self.page.url
        await self.hand.press(role, name)

    async def fill(self, **typed: str) -> None:
        for label, text in typed.items():
            await self.hand.fill(label.replace("_", " "), text)

    async def sign_up(self) -> None:
        await self.press("link", "Create an account")
        await self.fill(Full_name="Ann Buyer", Password=PASSWORD)
        await self.hand.fill("E-mail address", f"{secrets.token_hex(6)}@buyer.example")
        await self.press("button", "Create account")

    async def sign_in(self, email: str) -> None:
        await self.hand.fill("E-mail address", email)
        await self.fill(Password=PASSWORD)
        await self.press("button", "Sign in")

    async def pay_by_card(self) -> None:
        await self.fill(Card_number="4242 4242 4242 4242", Expires="10/31")
        await self.press("button", "Use this card")

    async def pay_by_bank(self) -> None:
        await self.press("link", "Add a bank account")
        await self.fill(Routing_number="110000000", Account_number="000123456789")
        await self.press("button", "Use this bank account")

    async def agree(self, button: str = "Confirm") -> str:
        """The address at which the seller's site was reached."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text("Check and confirm")
        await self.press("button", button)
        await expect(self.page.get_by_role("heading", name="Thank you")).to_be_visible()
        return self.page.url


@asynccontextmanager
async def visiting(chromium: Browser, world: World, how: str) -> AsyncIterator[Visitor]:
    desk = {"viewport": {"width": 1280, "height": 860}}
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "java_script_enabled": False}
    async with tab(chromium, world, **(desk if how == "keyboard" else phone)) as page:
        yield Visitor(page, Keyboard(page) if how == "keyboard" else Finger(page))


HOW = pytest.mark.parametrize("how", ["keyboard", "without scripts"])


@HOW
@pytest.mark.parametrize("pipeline", ["SetupPrepaid", "SetupPostpaid", "SingleUse", "MultiUse", "Recurring"])
async def test_a_buyer_agrees(
    chromium: Browser, world: World, seller: Seller, shop: str, pipeline: str, how: str
) -> None:
    asked = {"collectShippingAddress": "True"} if pipeline == "SetupPostpaid" else {}
    async with visiting(chromium, world, how) as visitor:
        await visitor.page.goto(seller.url(seller.request(pipeline, returnURL=shop, **asked)))
        await visitor.sign_up()
        await visitor.pay_by_card()
        if asked:
            for label, text in ADDRESS.items():
                await visitor.hand.fill(label, text)
            await visitor.press("button", "Continue")
        url = await visitor.agree()

    answer = await world.checked(url)

    assert answer["status"] == "SC"
    tokens = {text for name, text in answer.items() if name.lower().endswith("tokenid")}
    made = await world.rows("SELECT token_id FROM token WHERE book_id = $1", seller.book_id)
    assert {row["token_id"] for row in made} == tokens


@HOW
async def test_a_business_agrees_to_receive(
    chromium: Browser, world: World, seller: Seller, shop: str, how: str
) -> None:
    band = await world.seller("The Band", signs_in=True)
    async with visiting(chromium, world, how) as visitor:
        await visitor.page.goto(seller.url(seller.request("Recipient", returnURL=shop)))
        await visitor.sign_in(band.party.email)
        url = await visitor.agree()

    assert (await world.checked(url))["status"] == "SR"


@HOW
async def test_a_buyer_pays_in_another_way_from_now_on(
    chromium: Browser, world: World, seller: Seller, shop: str, how: str
) -> None:
    before, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    method = await before.sign_up(await before.get(seller.url(seller.request("MultiUse"))), email)
    agreed = await world.answer(await before.submit(await before.add_card(method), "/confirm"))
    async with visiting(chromium, world, how) as visitor:
        edit = seller.request("EditToken", returnURL=shop, tokenId=agreed["tokenID"])
        await visitor.page.goto(seller.url(edit))
        await visitor.sign_in(email)
        await expect(visitor.page.get_by_text("used so far")).to_be_visible()
        await visitor.pay_by_bank()
        url = await visitor.agree()

    answer = await world.checked(url)

    assert answer["status"] == "SB"
    assert answer["tokenID"] != agreed["tokenID"]


@HOW
async def test_a_buyer_follows_a_button(chromium: Browser, world: World, seller: Seller, shop: str, how: str) -> None:
    fields = {"amount": "USD 12.50", "description": "One CD", "returnUrl": shop, "abandonUrl": shop}
    keys = Credentials(seller.key.access_key_id, seller.key.secret)
    html = f"<!doctype html><title>Shop</title>{buttons.simple_pay_form(world.base_url, keys, fields, 'Pay Now')}"
    async with visiting(chromium, world, how) as visitor:
        await visitor.page.route(f"{shop}&offer", lambda route: route.fulfill(content_type="text/html", body=html))
        await visitor.page.goto(f"{shop}&offer")
        await visitor.hand.press("button", "Pay Now")
        await visitor.sign_up()
        await visitor.pay_by_card()
        url = await visitor.agree("Pay 12.50 USD")
    await world.rail_answers()

    assert (await world.checked(url))["status"] == "PI"


@HOW
async def test_a_buyer_leaves(chromium: Browser, world: World, seller: Seller, shop: str, how: str) -> None:
    async with visiting(chromium, world, how) as visitor:
        await visitor.page.goto(seller.url(seller.prepaid(returnURL=shop)))
        await visitor.sign_up()
        await visitor.press("button", "Leave and go back to Music Shop")
        await expect(visitor.page.get_by_role("heading", name="Thank you")).to_be_visible()
        url = visitor.page.url

    assert (await world.checked(url))["status"] == "A"
    assert await world.rows("SELECT token_id FROM token WHERE book_id = $1", seller.book_id) == []
