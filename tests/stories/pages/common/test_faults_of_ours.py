"""What a browser sees when something of ours fails: a page that gives nothing away, with the right status."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from tests.stories.pages.people import at_work
from tests.stories.pages.world import Page, World

from tallystick.web.app import create_pages


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConnectionRefusedError("the socket of the server"), 503), (ZeroDivisionError("a fault in the code"), 500)],
    ids=["no database", "a bug"],
)
async def test_the_page_says_whether_it_is_worth_trying_again(world: World, error: Exception, status: int) -> None:
    class Gone:
        def acquire(self) -> None:
            raise error

        async def fetchrow(self, *_: object) -> None:
            raise error

    service = replace(world.service, pool=Gone())  # type: ignore[arg-type]
    transport = httpx.ASGITransport(create_pages(service), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(base_url=world.base_url, transport=transport) as client:
        response = await client.get("/cobranded-ui/visits/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/sign-in")

    assert response.status_code == status
    assert "Something went wrong here" in response.text
    assert str(error) not in response.text


@pytest.mark.parametrize(
    ("path", "way_back"),
    [
        ("/console/1/sandbox/nowhere", "/console"),
        ("/console/999999/live", "/console"),
        ("/admin/nowhere", "/admin"),
        ("/account/nowhere", "/account"),
        ("/consoles-of-sellers", "/account"),
        ("/administration", "/account"),
    ],
)
async def test_an_error_page_leads_back_to_where_one_was(world: World, path: str, way_back: str) -> None:
    browser = world.browser()
    if way_back == "/console":
        browser = await at_work(world, await world.seller())
    page = Page(await browser.http.get(path))
    assert page.response.status_code == 404
    assert {"/console", "/admin", "/account"} & set(page.links) == {way_back}
