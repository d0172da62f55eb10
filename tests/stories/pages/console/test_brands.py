"""A seller's looks on the hosted pages."""

from __future__ import annotations

import re

from tests.stories.pages.world import Page, Seller, World

from tallystick.store.accounts import branding
from tallystick.store.accounts.branding import Branding


async def test_name_colour_and_support_link(world: World, seller: Seller) -> None:
    chosen = Branding("Music <Shop> & Co", "#ffcc00", "https://shop.example/help?a=1&b=2")
    await branding.save(world.pool, seller.party.party_id, chosen, world.clock())
    browser = world.browser()

    page = await browser.get(seller.url(seller.prepaid()))

    assert "Music <Shop> & Co" in Page(page).text
    assert "https://shop.example/help?a=1&b=2" in Page(page).links
    assert "Music Shop may charge you to fill a balance" in Page(page).text  # who charges is named as we know them
    link = re.search(r'<link rel="stylesheet" href="(/accents/[^"]+)">', page.text)
    assert link is not None
    sheet = await browser.http.get(link[1])
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in sheet.headers["cache-control"]
    assert "--accent: #" in sheet.text


async def test_a_seller_that_chose_nothing_looks_like_the_service(world: World, seller: Seller) -> None:
    await branding.save(world.pool, seller.party.party_id, Branding(), world.clock())
    page = await world.browser().get(seller.url(seller.prepaid()))
    assert "/accents/" not in page.text
    assert "Questions?" not in Page(page).text


async def test_what_is_no_colour_has_no_sheet(world: World) -> None:
    for name in ("red", "17594", "17594a.css", "<b>"):
        assert (await world.browser().get(f"/accents/{name}")).status_code == 404
