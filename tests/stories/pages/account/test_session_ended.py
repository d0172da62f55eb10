"""A form is sent after its session has ended: nothing is done, the sign-in page says so, and leads back to the form."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.stories.pages.buyers import buyer_of
from tests.stories.pages.people import console, employee, operator, person, signed_in, typed_code
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.seller.staff import StaffRole

TOLD = "You were signed out meanwhile, so nothing was changed."


async def too_late(browser: Browser, page: httpx.Response, ending: str, **typed: str) -> httpx.Response:
    """Send the form of a page after the session has ended."""
    browser.http.cookies.delete("tallystick-session")
    asked = await browser.submit(page, ending, **typed)
    assert asked.status_code == 200
    assert TOLD in Page(asked).text
    return asked


async def test_an_authorization_stays_and_can_be_cancelled_after_all(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid())
    form = f"{buyer.path}/cancel"

    asked = await too_late(buyer.browser, await buyer.browser.get(form), "/cancel", scope="all")

    back = await buyer.browser.sign_in(asked, buyer.email)
    assert back.url.path == form
    assert TOLD not in Page(back).text
    cancelled = await buyer.browser.submit(back, "/cancel", scope="all")
    assert "It is cancelled." in Page(cancelled).text


@pytest.mark.parametrize(
    ("path", "ending"),
    [
        ("/account/test-money", "/test-money"),
        ("/account/payment-methods/card", "/card"),
        ("/account/security", "/security/password"),
        ("/account/data/close", "/close"),
    ],
)
async def test_forms_of_the_account_lead_back_to_their_page(world: World, path: str, ending: str) -> None:
    ann = await person(world)
    browser = await signed_in(world, ann, "/account/sign-in")

    asked = await too_late(browser, await browser.get(path), ending)

    assert (await browser.sign_in(asked, ann.email)).url.path == path


@pytest.mark.parametrize(("place", "back"), [("keys/new", "keys"), ("staff", "staff"), ("branding", "branding")])
async def test_forms_of_the_console_lead_back_to_where_they_are_sent(
    world: World, seller: Seller, place: str, back: str
) -> None:
    owner = await employee(world, seller, StaffRole.OWNER)
    browser = await signed_in(world, owner)

    asked = await too_late(browser, await browser.get(console(seller, place)), f"/{back}")

    home = await browser.submit(asked, "/sign-in", email=owner.email, password=PASSWORD)
    assert home.url.path == console(seller, back)


async def test_a_form_that_is_sent_below_its_page_leads_back_to_that(world: World) -> None:
    someone, ann = await operator(world), await person(world)
    browser = await signed_in(world, someone)
    path = f"/admin/accounts/{ann.party_id}"

    asked = await too_late(browser, await browser.get(path), "/standing", deed="suspend", reason="x")

    assert parse_qs(urlsplit(str(asked.url)).query)["next"] == [path]
    assert (await typed_code(world, browser, await browser.sign_in(asked, someone.email), someone)).url.path == path


async def test_who_only_looks_is_not_told_that_something_was_not_done(world: World) -> None:
    for path in ("/account/security", "/console/1/sandbox/keys", "/admin/accounts"):
        asked = await world.browser().get(path)
        assert asked.url.path.endswith("/sign-in")
        assert TOLD not in Page(asked).text
