"""What a browser finds at the service's own address, and near the address of a page."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

import httpx
import pytest
from tests.stories.pages.world import Page, World

APART: Final = {"public_url": "https://pay.example.com", "staff_url": "https://staff.example.com"}
HTML: Final = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
INSIDE: Final = {"staff_networks": (ip_network("10.1.0.0/16"),)}


async def look(world: World, path: str, settings: Mapping[str, Any], host: str = "") -> Page:
    transport = httpx.ASGITransport(world.shared_pages(**settings), client=("192.0.2.1", 50_000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(base_url=world.base_url, transport=transport) as client:
        return Page(await client.get(path, headers={"host": host} if host else {}))


async def test_the_landing_page_says_what_this_is_and_leads_everywhere(world: World) -> None:
    browser = world.browser()
    page = Page(await browser.http.get("/", headers=HTML))

    assert page.response.status_code == 200
    assert "A payments service for small amounts" in page.response.text
    assert f"<code>{world.service.settings.public_url}</code>" in page.response.text
    assert {"/account", "/console", "/admin", "/v1/openapi.json"} <= set(page.links)
    for link in set(page.links) - {"/v1/openapi.json"}:  # which is not the pages'
        assert (await browser.http.get(link, headers=HTML)).status_code in {200, 303}, link
    assert page.response.headers["vary"] == "Accept"
    assert "Ein Zahlungsdienst" in (await browser.http.get("/?lang=de", headers=HTML)).text


@pytest.mark.parametrize(("settings", "host"), [(APART, "pay.example.com"), (INSIDE, "")], ids=["apart", "inside"])
async def test_pages_of_staff_that_are_elsewhere_are_not_named(
    world: World, settings: Mapping[str, Any], host: str
) -> None:
    page = await look(world, "/", settings, host)
    assert page.response.status_code == 200
    assert "/account" in page.links
    assert "console" not in page.response.text.lower()
    assert "/admin" not in page.response.text

    for path in ("/consol", "/console", "/dashboard", "/admn"):
        missed = await look(world, path, settings, host)
        assert missed.response.status_code == 404
        assert "Did you mean" not in missed.response.text


async def test_where_staff_are_the_landing_page_leads_to_their_pages(world: World) -> None:
    assert "/console" in (await look(world, "/", APART, "staff.example.com")).links


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/consol", "/console"),
        ("/Console/", "/console"),
        ("/acount", "/account"),
        ("/account/signin", "/account/sign-in"),
        ("/login", "/account/sign-in"),
        ("/dashboard", "/console"),
        ("/v1", "/v1/openapi.json"),
        ("/cobranded-ui/action/start", "/cobranded-ui/actions/start"),
        ("/account/nowhere", None),
        ("/weather", None),
        ("/<b>consol</b>", None),
        ("/" + "console" * 1_000, None),
    ],
)
async def test_a_page_that_is_nearly_there_is_named(world: World, path: str, meant: str | None) -> None:
    response = await world.browser().http.get(path)

    assert response.status_code == 404
    assert ("Did you mean" in response.text) == (meant is not None)
    if meant is not None:
        assert f'<a href="{meant}" dir="ltr">{meant}</a>?' in response.text
