"""A person at the sample shop: Pay Now, the hosted pages, songs, the balance; and a tab."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.stories.conftest import free_port
from tests.stories.operations.program import running, tallystick
from tests.support.owner import TEST_DIRECTORY

pytestmark = pytest.mark.timeout(300)

EMAIL = "buyer@music.example"
PASSWORD = "three songs for supper"


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[str]:
    """The address of the shop of a running demo. When it is over, the books must balance."""
    settings = {"TALLYSTICK_RAIL_DELAY_MS": "300"}
    port, shop_port = str(free_port()), str(free_port())
    data = tempfile.mkdtemp(dir=os.environ[TEST_DIRECTORY])
    asked = ("demo", "--data", data, "--port", port, "--shop-port", shop_port)
    async with running(*asked, settings=settings, until="Prove the books") as lines:
        printed = "".join(lines)
        assert EMAIL in printed
        assert PASSWORD in printed
        assert f"http://127.0.0.1:{shop_port}" in printed
        yield f"http://127.0.0.1:{shop_port}"
    report = await tallystick("verify", settings={"TALLYSTICK_DATA_DIRECTORY": data})
    assert report.status == 0, report.out


async def sign_in_and_confirm(page: Page, method: str) -> None:
    if await page.get_by_label("Password").count():
        await page.get_by_label("E-mail address").fill(EMAIL)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_text(method).check()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name="Confirm").click()


async def test_songs_from_a_balance_and_records_on_a_tab(chromium: Browser, demo: str) -> None:
    context = await chromium.new_context(base_url=demo)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    balance = page.locator(".amount")

    await page.goto("/")
    await expect(page.get_by_role("button", name="Buy Paper Lanterns")).to_have_count(0)
    await expect(balance).to_have_text("up to 25.00 USD")
    await page.get_by_role("button", name="Pay Now").click()
    await expect(page.locator(".figure-amount")).to_contain_text("25.00 USD")
    await sign_in_and_confirm(page, "Visa ending in 4242")
    await expect(page).to_have_url(f"{demo}/")
    await expect(balance).to_have_text("10.00 USD", timeout=20_000)  # shown as soon as the card's money is there

    await page.get_by_role("button", name="Buy Paper Lanterns").click()
    await page.get_by_role("button", name="Buy Half a Stick").click()
    await expect(balance).to_have_text("9.90 USD")
    await expect(page.get_by_text("Yours")).to_have_count(2)

    await page.get_by_role("button", name="Add 10.00 USD").click()
    await expect(balance).to_have_text("19.90 USD", timeout=20_000)
    await page.get_by_role("button", name="Add 10.00 USD").click()
    await expect(page.get_by_role("alert")).to_contain_text("more than the balance may hold")
    await expect(balance).to_have_text("19.90 USD")

    await page.get_by_role("link", name="Records on a tab").click()
    await page.get_by_role("button", name="Authorize Now").click()
    await sign_in_and_confirm(page, "Bank account ending in 6789")
    await expect(page).to_have_url(f"{demo}/tab")
    await page.get_by_role("button", name="Take it Tidewater").click()
    await page.get_by_role("button", name="Take it The Big Red Box").click()
    await expect(balance).to_have_text("90.00 USD")
    await page.get_by_role("button", name="Another The Big Red Box").click()
    await expect(page.get_by_role("alert")).to_contain_text("more than is left on your tab")
    await page.get_by_role("button", name="Settle my tab").click()
    await expect(balance).to_have_text("0.00 USD", timeout=20_000)

    await context.close()
    assert complaints == []


async def test_leaving_charges_nothing_whatever_the_browser_brings_back(chromium: Browser, demo: str) -> None:
    context = await chromium.new_context(base_url=demo)
    page = await context.new_page()

    await page.goto("/")
    await page.get_by_role("button", name="Pay Now").click()
    await page.get_by_role("button", name="Leave and go back").click()
    await expect(page.get_by_role("main")).to_contain_text("Nothing was charged")
    answer = page.url

    forged = await page.goto(answer.replace("status=A", "status=SC"))
    assert forged is not None
    assert forged.status == 200
    await expect(page.get_by_role("main")).to_contain_text("Nothing was charged")
    others = await page.goto(answer.replace("order=", "order=0"))
    assert others is not None
    assert others.status == 400
    await page.goto("/")
    await expect(page.get_by_role("button", name="Pay Now")).to_be_visible()
    await context.close()
