"""Forms on other sites, and forms of one person's page on the browser of another."""

from __future__ import annotations

import pytest
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.world import Browser, Page, World

SECURITY = "/account/security"
NEW = {"current": "no matter", "new": "no matter"}


async def changes_password(browser: Browser, fields: dict[str, str], **headers: str) -> bool:
    """Whether the form for a new password gets as far as its own check of what was typed."""
    answer = await browser.http.post(f"{SECURITY}/password", data=fields | NEW, headers=headers)
    assert answer.status_code in {403, 422}
    if answer.status_code == 403:
        assert "This form is no longer valid" in Page(answer).text
    return answer.status_code == 422


async def fields_of(browser: Browser) -> dict[str, str]:
    return Page(await browser.get(SECURITY)).form("/security/password").fields


async def test_a_form_of_ones_own_page_is_taken(world: World) -> None:
    browser = await signed_in(world, await person(world), "/account/sign-in")
    fields = await fields_of(browser)

    assert await changes_password(browser, fields)
    assert await changes_password(browser, fields, **{"sec-fetch-site": "same-origin", "origin": "null"})
    assert await changes_password(browser, fields, origin=world.base_url)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # somebody's page on a neighbouring host
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
    ],
)
async def test_a_form_that_a_browser_says_is_elsewhere_is_refused(world: World, headers: dict[str, str]) -> None:
    browser = await signed_in(world, await person(world), "/account/sign-in")

    assert not await changes_password(browser, await fields_of(browser), **headers)


async def test_a_form_of_ones_own_is_of_no_use_on_the_browser_of_another(world: World) -> None:
    """Whoever can plant cookies on a browser, as from a neighbouring host, knows the cookie and their own form."""
    mallory, ann = [await signed_in(world, await person(world), "/account/sign-in") for _ in range(2)]
    fields = await fields_of(mallory)
    planted = mallory.http.cookies["tallystick-form"]
    ann.http.cookies.delete("tallystick-form")
    ann.http.cookies.set("tallystick-form", planted, domain="127.0.0.1", path="/")

    assert not await changes_password(ann, fields)
    nobodys = world.browser()
    nobodys.http.cookies.set("tallystick-form", planted, domain="127.0.0.1", path="/")
    before = Page(await nobodys.get("/account/sign-in")).form("/sign-in").fields
    assert not await changes_password(ann, before), "nor is the form of a page for nobody"
    assert await changes_password(ann, await fields_of(ann))


async def test_a_cookie_alone_is_no_token(world: World) -> None:
    browser = await signed_in(world, await person(world), "/account/sign-in")
    fields = await fields_of(browser)

    assert not await changes_password(browser, fields | {"_csrf_token": browser.http.cookies["tallystick-form"]})
    browser.http.cookies.delete("tallystick-form")
    assert not await changes_password(browser, fields)


async def test_a_page_that_was_open_before_stays_usable_after_signing_in_again(world: World) -> None:
    ann = await person(world)
    browser = await signed_in(world, ann, "/account/sign-in")
    fields = await fields_of(browser)
    browser.http.cookies.delete("tallystick-session")
    await browser.sign_in(await browser.get("/account/sign-in"), ann.email)

    assert await changes_password(browser, fields)


@pytest.mark.parametrize(
    "path",
    [
        *("/static/style.css", "/static/style.css?lang=de", "/static/copy.js?lang=de", "/accents/17594a"),
        *("/doc/2010-08-28/AmazonFPS.xsd?lang=de", "/doc/2010-08-28/AmazonFPS.wsdl", "/healthz"),
    ],
)
async def test_an_answer_that_others_may_see_sets_no_cookie(world: World, path: str) -> None:
    answer = await world.browser().http.get(path)

    assert "set-cookie" not in answer.headers, answer.headers.get("cache-control")


async def test_a_page_with_a_form_sets_one(world: World) -> None:
    answer = await world.browser().http.get("/account/sign-in")

    assert "tallystick-form" in answer.headers["set-cookie"]
    assert answer.headers["cache-control"] == "no-store"
