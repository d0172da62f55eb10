"""axe-core finds nothing on any page: light on a desk, dark on a phone, mistakes and empty lists included."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Route
from tests.stories.cobranded.world import World
from tests.stories.pages.showroom import Shown, all_pages

pytestmark = pytest.mark.timeout(300)

SCREENS = {"light": 1280, "dark": 390}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = """async tags => (await axe.run({runOnly: tags, resultTypes: ["violations"]})).violations
  .map(rule => `${rule.id}: ${rule.nodes.map(node => node.html).join(" ")}`)"""


@pytest.fixture(scope="module")
async def everything(pages: World) -> list[Shown]:
    return await all_pages(pages)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_no_page_has_a_violation(
    chromium: Browser, world: World, everything: list[Shown], color_scheme: Literal["light", "dark"]
) -> None:
    """The pages are shown as they were sent: so one browser can show what different people saw."""
    shown: Shown

    async def answer(route: Route) -> None:
        if route.request.is_navigation_request() and route.request.frame.parent_frame is None:
            await route.fulfill(content_type="text/html; charset=utf-8", body=shown.response.text)
        else:
            await route.continue_()

    wrong = []
    context = await chromium.new_context(
        base_url=world.base_url, color_scheme=color_scheme, viewport={"width": SCREENS[color_scheme], "height": 900}
    )
    await context.add_init_script(f"if (self === top) {{ {AXE_SCRIPT} }}")
    page = await context.new_page()
    await page.route("**/*", answer)
    for shown in everything:
        await page.goto(str(shown.response.url))
        wrong += [f"{shown.route} {shown.state}: {one}" for one in await page.evaluate(LOOK, TAGS)]
    await context.close()
    assert not wrong, "\n".join(wrong)
