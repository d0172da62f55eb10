"""Somebody whose account is suspended sees that on every page of theirs, and why a form comes to nothing."""

from __future__ import annotations

import pytest
from tests.stories.pages.buyers import AccountHolder, buyer_of
from tests.stories.pages.world import Page, Seller, World

TOLD = "Your account is suspended"
CARD = {"number": "4242 4242 4242 4242", "expiry": "10/2031"}


async def standing(world: World, buyer: AccountHolder, status: str) -> None:
    await world.pool.execute("UPDATE party SET status = $2 WHERE email = $1", buyer.email, status)


@pytest.fixture
async def buyer(world: World, seller: Seller) -> AccountHolder:
    """Somebody who agreed to something and paid from the account balance."""
    return await buyer_of(world, seller, seller.prepaid())


async def test_every_page_of_the_account_says_so(world: World, buyer: AccountHolder) -> None:
    paths = ("/account", buyer.path, "/account/payment-methods", "/account/test-money", "/account/security")
    for path in paths:
        assert TOLD not in Page(await buyer.browser.get(path)).text

    await standing(world, buyer, "suspended")

    for path in paths:
        page = await buyer.browser.get(path)
        assert page.status_code == 200
        assert TOLD in Page(page).text
    assert Page(await buyer.browser.get("/account/test-money")).forms[1:] == []


@pytest.mark.parametrize(
    ("path", "ending", "typed"),
    [
        ("/account/payment-methods/card", "/card", CARD),
        ("/account/payment-methods/bank-account", "/bank-account", {"routing": "110000000", "number": "000123456789"}),
        ("/account/test-money", "/test-money", {"amount": "50"}),
    ],
)
async def test_a_form_that_comes_to_nothing_says_why(
    world: World, buyer: AccountHolder, path: str, ending: str, typed: dict[str, str]
) -> None:
    page = await buyer.browser.get(path)
    before = await buyer.browser.get("/account/payment-methods")
    await standing(world, buyer, "suspended")

    refused = await buyer.browser.submit(page, ending, **typed)

    assert refused.status_code == 403
    assert TOLD in Page(refused).text
    assert "Nothing was added or changed" in Page(refused).text
    assert "Cookies" not in Page(refused).text
    await standing(world, buyer, "active")
    assert Page(await buyer.browser.get("/account/payment-methods")).text == Page(before).text


async def test_cancelling_is_possible_all_the_same(world: World, buyer: AccountHolder) -> None:
    await standing(world, buyer, "suspended")

    page = await buyer.browser.submit(await buyer.browser.get(f"{buyer.path}/cancel"), "/cancel", scope="all")

    assert "It is cancelled." in Page(page).text
