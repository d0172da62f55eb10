"""An operator in a real browser: every page on a phone and on a desk, and the deeds without scripts."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import CONTRAST, tab
from tests.stories.pages.people import code_of, operator
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.operations.verification import prove_if_due
from tallystick.services.process.heartbeat import EVERY, Heartbeat
from tallystick.services.process.meter import flat
from tallystick.store.accounts.parties import Party
from tallystick.store.records import outbox, verification_runs

SCREENS: list[dict[str, Any]] = [
    {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark", "has_touch": True},
    {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
]
LONG = "Averyverylongwordwithoutanybreaks" * 3


async def sign_in(page: Page, world: World, someone: Party) -> None:
    await page.goto("/admin")
    await page.get_by_label("E-mail address").fill(someone.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("Code").fill(await code_of(world, someone))
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Health")


async def something_to_see(world: World) -> Seller:
    """A seller with a name nobody can break, and something on every page."""
    seller = await world.seller(LONG[:90])
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, f"https://shop.example/{LONG}", world.clock())
    browser = world.browser()
    page = await browser.at_confirm(seller.url(seller.prepaid()))
    answer = await world.answer(await browser.submit(page, "/confirm"))
    params = {
        "SenderTokenId": answer["fundingTokenID"],
        "PrepaidInstrumentId": answer["prepaidInstrumentID"],
        "CallerReference": secrets.token_hex(6),
        "FundingAmount.Value": "20",
        "FundingAmount.CurrencyCode": "USD",
    }
    await seller.api.call("FundPrepaid", params)
    await world.pool.execute("UPDATE rail_request SET last_error = $1, attempts = 2", f"TimeoutError: {LONG}")
    await world.pool.execute("UPDATE outbox SET state = 'dead', last_error = $1 WHERE state = 'waiting'", LONG)
    await mail.post(world.service, f"{LONG[:60]}@buyer.example", Letter(LONG, LONG))
    heart = Heartbeat(world.service, "API and worker")
    world.clock.ahead += EVERY
    await heart.beat()
    assert flat(world.service.meter)
    await verification_runs.ask(world.pool, None, world.clock())
    await prove_if_due(world.service)
    return seller


@pytest.mark.parametrize(
    "screen", SCREENS, ids=lambda screen: f"{screen['viewport']['width']}-{screen['color_scheme']}"
)
async def test_every_page_fits_and_can_be_read(chromium: Browser, world: World, screen: dict[str, Any]) -> None:
    seller, someone = await something_to_see(world), await operator(world)
    run = (await verification_runs.latest(world.pool, 1))[0].run_id
    (letter,) = await world.rows("SELECT max(mail_id) AS number FROM mail")
    async with tab(chromium, world, **screen) as page:
        await sign_in(page, world, someone)
        for path in (
            "/admin",
            "/admin/accounts",
            "/admin/accounts?text=nobody-has-this-name",
            f"/admin/accounts/{seller.party.party_id}",
            "/admin/rails",
            "/admin/notifications",
            "/admin/verification",
            f"/admin/verification/{run}",
            "/admin/audit",
            "/admin/mail",
            f"/admin/mail/{letter['number']}",
            "/admin/settings",
            "/admin/styleguide",
        ):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"], path
            assert await page.evaluate(CONTRAST) == [], path
    await world.rail_answers()


async def test_suspending_a_seller_without_scripts(chromium: Browser, world: World, seller: Seller) -> None:
    someone = await operator(world)
    async with tab(chromium, world, java_script_enabled=False) as page:
        await sign_in(page, world, someone)
        await page.get_by_role("link", name="Accounts").click()
        await page.get_by_label("Name, e-mail address or number").fill(seller.party.email)
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="Music Shop").click()
        await page.get_by_text("Suspend", exact=True).first.click()
        await page.get_by_label("Why").first.fill("Reported by its bank")
        await page.get_by_role("button", name="Suspend").click()
        await expect(page.get_by_role("status")).to_have_text("The account is suspended.")
        await expect(page.get_by_text("reason: Reported by its bank")).to_be_visible()

    (row,) = await world.rows("SELECT status FROM party WHERE party_id = $1", seller.party.party_id)
    assert row["status"] == "suspended"


async def test_paper_is_light_and_has_no_navigation(chromium: Browser, world: World) -> None:
    someone = await operator(world)
    async with tab(chromium, world, color_scheme="dark", viewport={"width": 720, "height": 1000}) as page:
        await sign_in(page, world, someone)
        await page.goto("/admin/settings")
        await page.emulate_media(media="print", color_scheme="dark")
        await expect(page.get_by_role("navigation", name="Operator")).to_be_hidden()
        await expect(page.get_by_role("columnheader", name="Meaning")).to_be_visible()
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert await page.evaluate(CONTRAST) == []
