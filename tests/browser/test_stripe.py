"""A person in a real browser: from the shop through the set-up at Stripe to the first charge.

Checkout is a page of the tests' own, since no fake of Stripe has it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect
from tests.browser.test_hosted_flows import sign_up, tab
from tests.conftest import MakeDatabase
from tests.support.stripe.fake import REFUSED
from tests.support.stripe.world import StripeWorld, stripe_world


@pytest.fixture
async def running(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StripeWorld]:
    async with stripe_world(await make_migrated(), tmp_path_factory.mktemp("data")) as opened:
        yield opened


async def test_from_the_shop_through_checkout_to_the_first_charge(
    chromium: Browser, running: StripeWorld, shop: str
) -> None:
    seller = await running.world.seller()
    async with tab(chromium, running.world) as page:
        await page.goto(seller.url(seller.prepaid(returnURL=shop)))
        await sign_up(page)
        await expect(page.get_by_label("Card number")).to_have_count(0)
        await page.get_by_role("button", name="Go to the payment provider").click()
        await expect(page).to_have_url(re.compile(f"^{running.fake.url}/pay/cs_test_"))
        await page.get_by_label("Card number").fill(REFUSED)
        await page.get_by_role("button", name="Save card").click()
        await expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        await page.get_by_label("Card number").fill("4242 4242 4242 4242")
        await page.get_by_role("button", name="Save card").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Check and confirm")
        await expect(page.get_by_text("card ending in 4242").first).to_be_visible()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
        told = await running.world.checked(page.url)

    funding = await seller.fund(told["fundingTokenID"], told["prepaidInstrumentID"], "10.00")
    await running.work()

    transaction_id = funding.text("TransactionId")
    assert await running.status(seller, transaction_id) == "Success"
    intent = await running.intent_of(transaction_id)
    assert (intent["status"], intent["amount_received"], intent["currency"]) == ("succeeded", 1_000, "usd")
    assert (await seller.pay(told["prepaidSenderTokenID"], "0.05")).text("TransactionStatus") == "Success"
