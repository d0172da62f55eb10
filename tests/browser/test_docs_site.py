"""The documentation in a real browser: it is searched, light and dark, desk and phone, and requests are tried."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from playwright.async_api import Browser, Page, Request, expect
from playwright.async_api import TimeoutError as NotYetError
from tests.stories.pages.world import Seller, World
from tests.support.docs_site import built

from tallystick.store.keys import access_keys

DESK, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    built()


@asynccontextmanager
async def opened(chromium: Browser, size: tuple[int, int], scheme: str) -> AsyncIterator[Page]:
    """A page of a browser that complains about nothing: no script fails, nothing is blocked or missing."""
    width, height = size
    context = await chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def note_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # of a page that was left meanwhile
            complaints.append(f"{request.url}: {request.failure}")

    page.on("requestfailed", note_failure)
    yield page
    await context.close()
    assert complaints == []


async def background(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))


async def open_search(page: Page) -> None:
    """Press the key for it until it is open: nobody listens before the scripts of the page have begun."""
    for _ in range(100):
        await page.keyboard.press("Control+k")
        with suppress(NotYetError):
            return await page.get_by_role("combobox", name="Search").wait_for(timeout=1000)
    raise AssertionError("the search does not open")


async def test_the_search_finds_a_code_and_leads_to_it(world: World, chromium: Browser) -> None:
    async with opened(chromium, DESK, "light") as page:
        await page.goto(f"{world.base_url}/docs/")
        await open_search(page)
        await page.get_by_role("combobox", name="Search").fill("InsufficientBalance")
        await page.locator("[role=option][href*='/docs/errors.html']").first.click()
        await page.wait_for_url("**/docs/errors.html*")
        await expect(page.get_by_role("heading", name="insufficient_balance")).to_be_visible()


async def test_it_is_as_light_as_the_system_until_somebody_says_otherwise(world: World, chromium: Browser) -> None:
    async with opened(chromium, PHONE, "dark") as page:
        await page.goto(f"{world.base_url}/docs/concepts/fees")
        dark = await background(page)
        await page.get_by_title("Be light").click()
        await expect(page.get_by_title("Be dark")).to_be_visible()
        light = await background(page)
        assert dark != light
        await page.reload()
        assert await background(page) == light
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_request_is_tried_with_a_secret_of_a_sandbox(world: World, seller: Seller, chromium: Browser) -> None:
    secret = await access_keys.make_bearer(world.service.pool, seller.key.access_key_id, world.clock())
    async with opened(chromium, DESK, "dark") as page:
        await page.goto(f"{world.base_url}/docs/try")
        send = page.get_by_role("button", name="Send")
        await page.get_by_label("Request", exact=True).select_option("POST /v1/charges")
        assert await page.get_by_label("Idempotency-Key").input_value()
        await page.get_by_label("Body").fill('{"authorization": "P0", "amount": "0.10"}')
        await expect(page.locator("#try-curl")).to_contain_text("""-d '{"authorization": "P0", "amount": "0.10"}'""")
        await page.get_by_label("Request", exact=True).select_option("GET /v1/account")
        await page.get_by_label("Secret of a sandbox").fill(secret.replace("tsk_test_", "tsk_live_"))
        await send.click()
        await expect(page.get_by_role("alert").filter(has_text="Only the secret of a sandbox")).to_be_visible()

        await page.get_by_label("Secret of a sandbox").fill(secret)
        await send.click()
        await expect(page.locator("#try-status")).to_have_text("200")
        await expect(page.locator("#try-content")).to_contain_text('"prepaid_liability"')
        await expect(page.locator("#try-curl")).to_contain_text(f"curl '{world.base_url}/v1/account'")
        assert secret not in await page.locator("#try-curl").inner_text()
        kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
        assert secret not in kept


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESK, "dark")])
async def test_pages_fit_and_nothing_in_them_is_blocked(
    world: World, chromium: Browser, size: tuple[int, int], scheme: str
) -> None:
    async with opened(chromium, size, scheme) as page:
        for name in ("", "concepts/tabs", "guides/subscriptions", "states", "architecture", "json-reference", "cli"):
            answer = await page.goto(f"{world.base_url}/docs/{name}")
            assert answer is not None
            assert answer.status == 200
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
