"""Buyers who go on with a code from a letter instead of a password."""

from __future__ import annotations

import secrets

import httpx
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import Party


def new_address() -> str:
    return f"{secrets.token_hex(6)}@guests.example"


async def asked(
    world: World, seller: Seller, email: str, browser: Browser | None = None
) -> tuple[Browser, httpx.Response]:
    """A fresh visit, after its page was told an address: the answer, where all is well the page that takes the code."""
    browser = browser or world.browser()
    page = await browser.get(seller.url(seller.prepaid()))
    page = await browser.get(next(link for link in Page(page).links if link.endswith("/email")))
    return browser, await browser.submit(page, "/email", email=email)


async def guest(world: World, seller: Seller) -> tuple[Browser, httpx.Response, Party]:
    """Somebody new who typed their code, at the choice of a method."""
    email = new_address()
    browser, page = await asked(world, seller, email)
    page = await browser.submit(page, "/email-code", code=await world.mailed_code(email))
    assert page.url.path.endswith("/method")
    return browser, page, await account(world, email)


async def account(world: World, email: str) -> Party:
    found = await parties.find_by_email(world.pool, email)
    assert found is not None
    return found
