"""Where settings want verified accounts, a bank account is confirmed by naming two small deposits."""

from __future__ import annotations

import re

from tests.stories.pages.world import Page, Seller, World

METHODS = "/account/payment-methods"


async def test_a_bank_account_is_confirmed_with_its_deposits(world: World, seller: Seller) -> None:
    browser = world.browser(world.configured(require_verified_accounts=True))
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid())))
    await browser.add_bank_account(method)
    listed = Page(await browser.get(METHODS))
    link = next(link for link in listed.links if link.endswith("/verify"))
    page = await browser.get(link)
    amounts = re.findall(r"\b0\.\d\d\b", Page(page).text.partition("Test mode makes no deposits.")[2])[:2]

    assert (await browser.submit(page, "/verify", first="x", second="")).status_code == 422
    other = "0.99"  # no deposit is as high
    wrong = await browser.submit(page, "/verify", first=other, second=other)
    assert "These are not the amounts of the two deposits." in Page(wrong).text
    done = await browser.submit(page, "/verify", first=amounts[1].replace(".", ","), second=amounts[0])

    assert done.url.path == METHODS
    assert not any(link.endswith("/verify") for link in Page(done).links)
    number = int(link.split("/")[3])
    (row,) = await world.rows(
        "SELECT payment_method.verified_at IS NOT NULL AND party.verified_at IS NOT NULL AS verified"
        "  FROM payment_method JOIN party USING (party_id) WHERE payment_method_id = $1",
        number,
    )
    assert row["verified"]
    assert (await browser.get(link)).url.path == METHODS


async def test_guessing_ends_after_a_few_tries(world: World, seller: Seller) -> None:
    browser = world.browser(world.configured(require_verified_accounts=True))
    await browser.add_bank_account(await browser.sign_up(await browser.get(seller.url(seller.prepaid()))))
    link = next(link for link in Page(await browser.get(METHODS)).links if link.endswith("/verify"))
    page = await browser.get(link)
    amounts = re.findall(r"\b0\.\d\d\b", Page(page).text.partition("Test mode makes no deposits.")[2])[:2]
    for _ in range(5):
        assert (await browser.submit(page, "/verify", first="0.99", second="0.99")).status_code == 422

    late = await browser.submit(page, "/verify", first=amounts[0], second=amounts[1])

    assert "That was tried too often." in Page(late).text


async def test_nobody_is_asked_where_settings_do_not_want_it(world: World, seller: Seller) -> None:
    browser = world.browser()
    await browser.add_bank_account(await browser.sign_up(await browser.get(seller.url(seller.prepaid()))))
    assert not any(link.endswith("/verify") for link in Page(await browser.get(METHODS)).links)
