"""A person in a real browser looks at what they authorized and ends it."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.test_hosted_flows import CONTRAST, tab
from tests.stories.pages.world import PASSWORD, Seller, World

from tallystick.client.fps import amount
from tallystick.domain.money import parse_amount


async def authorized(world: World, seller: Seller) -> tuple[str, dict[str, str]]:
    """The address of a new buyer with 20.00 on a prepaid balance, of which 5.00 is spent, and their answer."""
    browser, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    answer = await world.answer(await browser.submit(await browser.use_test_money(method, "100"), "/confirm"))
    funding = {
        "SenderTokenId": answer["fundingTokenID"],
        "PrepaidInstrumentId": answer["prepaidInstrumentID"],
        "CallerReference": secrets.token_hex(6),
    }
    await seller.api.call("FundPrepaid", funding | amount("FundingAmount", parse_amount("20")))
    await seller.pay(answer["prepaidSenderTokenID"], "5", SenderDescription="A-very-long-word-without-a-break-" * 3)
    return email, answer


async def sign_in(page: Page, email: str) -> None:
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def test_from_the_list_to_a_refused_payment_without_scripts(
    chromium: Browser, world: World, seller: Seller
) -> None:
    email, answer = await authorized(world, seller)
    async with tab(chromium, world, java_script_enabled=False) as page:
        await page.goto("/account")
        await sign_in(page, email)
        await expect(page.get_by_role("meter", name="Left to spend")).to_have_attribute("value", "15000000")
        await page.get_by_role("link", name="Music Shop").click()
        await expect(page.get_by_role("row")).to_have_count(3)
        await page.get_by_role("link", name="Cancel this authorization").click()
        await page.get_by_role("radio", name="Everything").check()
        await page.get_by_role("button", name="Cancel authorization").click()
        await expect(page.get_by_role("status")).to_contain_text("It is cancelled.")
        await page.get_by_role("link", name="Your authorizations").click()
        await expect(page.get_by_text("Cancelled on")).to_be_visible()

    assert await seller.told(answer["prepaidSenderTokenID"], "1") == "TokenNotActive_Sender"


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_the_account_can_be_read_on_a_narrow_screen(
    chromium: Browser, world: World, seller: Seller, color_scheme: str
) -> None:
    email, answer = await authorized(world, seller)
    own = f"/account/authorizations/{answer['prepaidInstrumentID']}"
    narrow = {"viewport": {"width": 320, "height": 640}, "color_scheme": color_scheme}
    async with tab(chromium, world, **narrow) as page:
        await page.goto("/account/payment-methods/card")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await sign_in(page, email)
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_label("Expires").fill("10/31")
        await page.get_by_role("button", name="Add this card").click()
        removing = await page.get_by_role("link", name="Remove").get_attribute("href")
        assert removing is not None
        for path in (
            "/account",
            own,
            f"{own}/cancel",
            "/account/payment-methods",
            "/account/payment-methods/bank-account",
            removing,
            removing.replace("/remove", "/replace"),
            f"{own}/statements",
            f"{own}/statements/{world.clock():%Y-%m}",
            "/account/test-money",
            "/account/security",
            "/account/data",
            "/account/data/close",
        ):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
            assert await page.evaluate(CONTRAST) == [], path


async def test_a_statement_is_downloaded_and_the_account_is_closed(
    chromium: Browser, world: World, seller: Seller
) -> None:
    email, answer = await authorized(world, seller)
    async with tab(chromium, world, java_script_enabled=False) as page:
        await page.goto(f"/account/authorizations/{answer['prepaidInstrumentID']}")
        await sign_in(page, email)
        await page.get_by_role("link", name="Statements").click()
        await page.get_by_role("main").get_by_role("link", name=f"{world.clock():%B %Y}", exact=False).first.click()
        await expect(page.get_by_role("definition").first).to_have_text("0.00 USD")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download PDF").click()
        assert (await download.value).suggested_filename.endswith(".pdf")
        await page.get_by_role("link", name="Your data").click()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download my data").click()
        assert (await download.value).suggested_filename.endswith(".json")
        await page.get_by_role("link", name="Close my account").click()
        await expect(page.get_by_text("15.00 USD is left.")).to_be_visible()
        await page.get_by_role("button", name="Close my account").click()
        await expect(page.get_by_role("alert")).to_contain_text("Tick this to close your account.")
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Close my account").click()
        await expect(page.get_by_role("heading", name="Your account is closed")).to_be_visible()
        await page.goto("/account")
        await sign_in(page, email)
        await expect(page.get_by_role("alert").first).to_be_visible()

    assert await seller.told(answer["prepaidSenderTokenID"], "1") == "TokenNotActive_Sender"
