"""axe-core finds nothing on any page: light on a desk, dark on a phone, mistakes and empty lists included.

And every page fits: nothing has to be scrolled sideways, neither the page nor a table on it.
"""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, Route, ViewportSize
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


BLANK = "<!doctype html><title>Nothing yet</title>"
BE_AT = "address => history.replaceState(null, '', address)"
PALE = """() => document.querySelector("main")
  .insertAdjacentHTML("afterbegin", '<p style="color: #eee; background: #fff">Pale</p>')"""


async def written(browser: Browser, base_url: str) -> Page:
    """A page in which others are written one after the other: axe is loaded once, and quick from then on.

    For pages without scripts: a module would not run again. Like those that are loaded it has no policy of its own.
    """
    page = await browser.new_page(base_url=base_url)
    address = f"{base_url}/blank"
    await page.route(address, lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=BLANK))
    await page.goto(address)
    await page.unroute(address)
    await page.evaluate(AXE_SCRIPT)
    return page


async def test_no_page_has_a_violation_and_every_page_fits(chromium: Browser, world: World) -> None:
    """The pages are shown as they were sent: so one browser can show what different people saw."""
    shown: Shown

    async def answer(route: Route) -> None:
        if route.request.is_navigation_request() and route.request.frame.parent_frame is None:
            await route.fulfill(content_type="text/html; charset=utf-8", body=shown.response.text)
        else:
            await route.continue_()

    everything = {one.response.text: one for one in await all_pages(world)}
    plain = await written(chromium, world.base_url)
    loaded = await chromium.new_page(base_url=world.base_url)
    await loaded.add_init_script(f"if (self === top) {{ {AXE_SCRIPT} }}")
    await loaded.route("**/*", answer)
    wrong = []
    for shown in everything.values():
        page = loaded if "<script" in shown.response.text else plain
        await page.set_viewport_size(DESK)
        await page.emulate_media(color_scheme="light")
        if page is loaded:
            await page.goto(str(shown.response.url))
        else:
            await page.evaluate(BE_AT, str(shown.response.url))
            await page.set_content(shown.response.text)
        found = await page.evaluate(LOOK, ALL)
        wide = [(DESK, one) for one in await page.evaluate(TOO_WIDE)]
        await page.set_viewport_size(SMALLEST)
        wide += [(SMALLEST, one) for one in await page.evaluate(TOO_WIDE)]
        await page.set_viewport_size(PHONE)
        await page.emulate_media(color_scheme="dark")
        found += await page.evaluate(LOOK, OF_LOOKS)
        found += [f"{one} is wider than {screen['width']} pixels allow" for screen, one in wide]
        wrong += [f"{shown.route} {shown.state}: {one}" for one in found]
    for page in (plain, loaded):
        await page.evaluate(PALE)
        assert "color-contrast" in str(await page.evaluate(LOOK, OF_LOOKS)), "what is wrong would not be found here"
        await page.close()
    assert not wrong, "\n".join(wrong)
