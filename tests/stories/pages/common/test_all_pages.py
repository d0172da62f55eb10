"""Every page: it is light, and it asks nobody else for anything."""

from __future__ import annotations

from tests.stories.pages.access_table import ENTRIES
from tests.stories.pages.showroom import NOT_PAGES, all_pages, links_of
from tests.stories.pages.world import World

LIGHT = 100_000  # bytes


async def test_every_page_is_light_and_loads_nothing_from_elsewhere(world: World) -> None:
    shown = await all_pages(world)

    pages = {route for route in ENTRIES if route.startswith("GET ")} - NOT_PAGES
    assert pages - {one.route for one in shown} == set()
    for one in shown:
        assert one.response.headers["content-type"] == "text/html; charset=utf-8", one
        assert len(one.response.content) < LIGHT, one
        assert [link for link in links_of(one) if not link.startswith("/") or link.startswith("//")] == [], one
    sheet = await world.browser().get("/static/style.css")
    assert len(sheet.content) < LIGHT
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text
