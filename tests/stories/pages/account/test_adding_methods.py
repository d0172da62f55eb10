"""Adding cards, bank accounts and test money: it is said, and a form that comes again adds nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.services.consent.wallet import SENT_AGAIN

METHODS = "/account/payment-methods"
CARD = {"number": "4242 4242 4242 4242", "expiry": "10/2031"}
BANK = {"routing": "110000000", "number": "000123456789"}


@pytest.fixture
async def browser(world: World) -> Browser:
    """A browser on which somebody new has signed in."""
    return await signed_in(world, await person(world), "/account/sign-in")


async def kept(browser: Browser) -> int:
    """How many cards and bank accounts there are."""
    return (await browser.get(METHODS)).text.count('/remove"')


@pytest.mark.parametrize(
    ("form", "typed", "told"),
    [
        ("card", CARD, "Visa ending in 4242 is in your account."),
        ("bank-account", BANK, "Bank account ending in 6789 is in your account."),
    ],
)
async def test_what_comes_again_is_kept_once(browser: Browser, form: str, typed: dict[str, str], told: str) -> None:
    page = await browser.get(f"{METHODS}/{form}")
    first = await browser.submit(page, f"/{form}", **typed)
    assert told in Page(first).text

    again = [
        *await asyncio.gather(*(browser.submit(page, f"/{form}", **typed) for _ in range(3))),
        await browser.submit(await browser.get(f"{METHODS}/{form}"), f"/{form}", **typed),
    ]

    assert {answer.url for answer in again} == {first.url}
    assert await kept(browser) == 1


async def test_another_card_and_the_same_one_later_are_cards_of_their_own(world: World, browser: Browser) -> None:
    page = await browser.get(f"{METHODS}/card")
    for changed in ({}, {"number": "4000 0000 0000 9995"}, {"number": "5555 5555 5555 4444"}, {"expiry": "11/2031"}):
        await browser.submit(page, "/card", **(CARD | changed))
    assert await kept(browser) == 4

    world.clock.ahead = SENT_AGAIN + timedelta(seconds=1)
    await browser.submit(page, "/card", **CARD)

    assert await kept(browser) == 5


async def test_a_card_that_was_removed_can_be_added_again(browser: Browser) -> None:
    page = await browser.get(f"{METHODS}/card")
    added = await browser.submit(page, "/card", **CARD)
    link = next(link for link in Page(added).links if link.endswith("/remove"))
    await browser.submit(await browser.get(link), "/remove")
    assert await kept(browser) == 0

    await browser.submit(page, "/card", **CARD)

    assert await kept(browser) == 1


async def test_a_card_is_kept_once_on_the_way_through_a_visit(world: World, seller: Seller) -> None:
    browser = world.browser()
    form = await browser.sign_up(await browser.get(seller.url(seller.prepaid())))

    for _ in range(2):
        assert (await browser.submit(form, "/card", **CARD)).url.path.endswith("/confirm")

    assert await kept(browser) == 1


async def test_test_money_is_told_of(browser: Browser) -> None:
    page = await browser.get("/account/test-money")
    told = "The test money is on your account balance."
    assert told not in Page(page).text

    added = Page(await browser.submit(page, "/test-money", amount="50"))

    assert told in added.text
    assert "50.00 USD" in added.text


async def test_a_link_tells_of_nothing_that_is_somebody_elses(world: World, browser: Browser) -> None:
    other = await signed_in(world, await person(world), "/account/sign-in")
    added = await other.submit(await other.get(f"{METHODS}/card"), "/card", **CARD)

    for claimed in (str(added.url), f"{METHODS}?added=x"):
        assert "is in your account" not in Page(await browser.get(claimed)).text
