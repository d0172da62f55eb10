"""What a seller says of a payment: programs get it back as it was given, pages show it cleaned."""

from __future__ import annotations

import pytest
from tests.stories.pages.hosted.test_notified_consent import URL, told
from tests.stories.pages.hosted.test_simple_pay import pressed
from tests.stories.pages.world import Page, Seller, World

HOSTILE = "</textarea></title><script>alert(1)</script>"
REASONS = [
    'Songs & "more"',
    "<b>Songs</b> &amp; more",
    "1 < 2 > 0",
    " two\r\nlines ",
    f"<img src=x onerror=alert(1)>{HOSTILE}",
    "ten = 10 \N{EURO SIGN}",
]


@pytest.mark.parametrize("reason", REASONS)
async def test_a_reason_comes_back_as_it_was_given(world: World, seller: Seller, reason: str) -> None:
    browser = world.browser()
    link = seller.url(seller.request("MultiUse", paymentReason=reason))
    confirm = await browser.use_test_money(await browser.sign_up(await browser.get(link)), "20")
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    await seller.pay(answer["tokenID"], "1.00", OverrideIPNURL=URL)

    token = await seller.api.call("GetTokenByCaller", {"TokenId": answer["tokenID"]})
    (fields,) = await told(world, seller)

    assert token.text("Token", "PaymentReason") == reason
    assert fields["paymentReason"] == reason


async def test_a_button_says_what_it_is_for_as_it_was_given(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button(description='Songs & "more"', ipnUrl=URL))
    confirm = await browser.use_test_money(await browser.sign_up(page), "20")
    await world.answer(await browser.submit(confirm, "/confirm"))

    (row,) = await world.rows("SELECT payment_reason FROM token WHERE book_id = $1", seller.book_id)
    (fields,) = await told(world, seller)

    assert row["payment_reason"] == fields["paymentReason"] == 'Songs & "more"'


async def test_a_reason_of_blanks_is_none(world: World, seller: Seller) -> None:
    browser = world.browser()
    link = seller.url(seller.request("MultiUse", paymentReason=" \n "))
    confirm = await browser.use_test_money(await browser.sign_up(await browser.get(link)), "20")
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    token = await seller.api.call("GetTokenByCaller", {"TokenId": answer["tokenID"]})

    with pytest.raises(LookupError):
        token.text("Token", "PaymentReason")


@pytest.mark.parametrize("turn", ["\u202e", "\u2067", "&#x202e;", "&#8238;"])
async def test_a_reason_on_a_page_turns_no_text_around(world: World, seller: Seller, turn: str) -> None:
    link = seller.url(seller.request("MultiUse", paymentReason=f"Songs {turn}00.1$"))
    page = await world.browser().get(link)
    _, button = await pressed(world, seller.button(description="One CD \u202e00.1$"))

    assert "Songs 00.1$" in Page(page).text
    assert "One CD 00.1$" in Page(button).text


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ('Songs &amp; "more"', 'Songs & "more"'),  # as releases before this kept it: escaped for pages
        ('Songs & "more"', 'Songs & "more"'),
        ("<b>Songs</b><script>x()</script>", "Songs"),
    ],
)
async def test_what_was_kept_before_and_since_looks_the_same(
    world: World, seller: Seller, kept: str, shown: str
) -> None:
    browser = world.browser()
    link = seller.url(seller.request("MultiUse", paymentReason="else"))
    confirm = await browser.use_test_money(await browser.sign_up(await browser.get(link)), "20")
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    await world.pool.execute("UPDATE token SET payment_reason = $2 WHERE book_id = $1", seller.book_id, kept)

    page = await browser.get(f"/account/authorizations/{answer['tokenID']}")

    assert f"Music Shop said {shown}" in " ".join(Page(page).text.split())
    assert "<script>x" not in page.text
