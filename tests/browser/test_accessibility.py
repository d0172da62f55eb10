"""axe-core finds nothing on any page: light on a desk, dark on a phone, mistakes and empty lists included.

And every page fits: nothing has to be scrolled sideways, neither the page nor a table on it.
"""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Route, ViewportSize
from tests.stories.pages.showroom import Shown, all_pages
from tests.stories.pages.world import World

pytestmark = pytest.mark.timeout(600)

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL = {"type": "tag", "values": TAGS}
OF_LOOKS = {"type": "rule", "values": ["color-contrast", "link-in-text-block", "target-size", "th-has-data-cells"]}
"""What other colours and a narrow screen can change."""

LOOK = """async rules => (await axe.run({runOnly: rules, resultTypes: ["violations"]})).violations
  .map(rule => `${rule.id}: ${rule.nodes.map(node => node.html).join(" ")}`)"""

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=900)
SMALLEST = ViewportSize(width=320, height=900)

TOO_WIDE = """() => {
  const room = parent => {
    const style = getComputedStyle(parent);
    return parent.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  };
  const tables = [...document.querySelectorAll(".data")]
    .filter(table => Math.max(table.offsetWidth, table.scrollWidth) > room(table.parentElement) + 1)
    .map(table => `the table of ${table.tHead.innerText}`);
  return document.documentElement.scrollWidth > innerWidth ? ["the page", ...tables] : tables;
}"""


async def test_no_page_has_a_violation_and_every_page_fits(chromium: Browser, world: World) -> None:
    """The pages are shown as they were sent: so one browser can show what different people saw."""
    shown: Shown

    async def answer(route: Route) -> None:
        if route.request.is_navigation_request() and route.request.frame.parent_frame is None:
            await route.fulfill(content_type="text/html; charset=utf-8", body=shown.response.text)
        else:
            await route.continue_()

    wrong = []
    everything = await all_pages(world)
    context = await chromium.new_context(base_url=world.base_url)
    await context.add_init_script(f"if (self === top) {{ {AXE_SCRIPT} }}")
    page = await context.new_page()
    await page.route("**/*", answer)
    for shown in everything:
        await page.set_viewport_size(DESK)
        await page.emulate_media(color_scheme="light")
        await page.goto(str(shown.response.url))
        found = await page.evaluate(LOOK, ALL)
        wide = [(DESK, one) for one in await page.evaluate(TOO_WIDE)]
        await page.set_viewport_size(SMALLEST)
        wide += [(SMALLEST, one) for one in await page.evaluate(TOO_WIDE)]
        await page.set_viewport_size(PHONE)
        await page.emulate_media(color_scheme="dark")
        found += await page.evaluate(LOOK, OF_LOOKS)
        found += [f"{one} is wider than {screen['width']} pixels allow" for screen, one in wide]
        wrong += [f"{shown.route} {shown.state}: {one}" for one in found]
    await context.close()
    assert not wrong, "\n".join(wrong)
