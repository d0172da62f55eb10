"""Who gets to a person's own pages, and who does not; what others wrote is only text there."""

from __future__ import annotations

import re

import pytest
from tests.stories.pages.buyers import buyer_of, fund
from tests.stories.pages.world import PASSWORD, Page, Seller, World

HOSTILE = "\"><script>alert('x')</script>&{{ 'z' * 9 }}"


async def test_a_new_password_signs_out_all_other_browsers(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid())
    other = world.browser()
    await other.sign_in(await other.get("/account"), buyer.email)
    assert (await other.get("/account")).url.path == "/account"
    new = "four songs for breakfast"
    page = await buyer.browser.get("/account/security")
    wrong = await buyer.browser.submit(page, "/security/password", current="not this one", password=new)
    weak = await buyer.browser.submit(page, "/security/password", current=PASSWORD, password="short")
    assert [answer.status_code for answer in (wrong, weak)] == [422, 422]
    assert "This is not your password" in Page(wrong).text
    assert (await other.get("/account")).url.path == "/account"

    changed = await buyer.browser.submit(page, "/security/password", current=PASSWORD, password=new)

    assert "Your password is changed." in Page(changed).text
    assert (await buyer.browser.get("/account")).url.path == "/account"
    signed_out = await other.get("/account")
    assert signed_out.url.path == "/account/sign-in"
    assert (await other.sign_in(signed_out, buyer.email)).status_code == 422
    back = await other.submit(signed_out, "/sign-in", email=buyer.email, password=new)
    assert back.url.path == "/account"


async def test_sign_out_everywhere(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid())
    other = world.browser()
    await other.sign_in(await other.get("/account"), buyer.email)

    page = await other.submit(await other.get("/account/security"), "/security/sign-out")

    assert "You are signed out everywhere" in Page(page).text
    for browser in (buyer.browser, other):
        assert (await browser.get("/account")).url.path == "/account/sign-in"


async def test_signing_in_leads_back_to_the_page_and_nowhere_else(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid())
    for asked, reached in (
        (buyer.path, buyer.path),
        ("/account/sign-in?next=//evil.example/x", "/account"),
        ("/account/sign-in?next=https://evil.example/", "/account"),
        ("/account/sign-in?next=/account//evil.example", "/account"),
    ):
        browser = world.browser()
        landed = await browser.sign_in(await browser.get(asked), buyer.email)
        assert landed.url.path == reached


async def test_hostile_texts_are_only_texts(world: World) -> None:
    seller = await world.seller(f"Shop {HOSTILE}")
    buyer = await buyer_of(world, seller, seller.prepaid(paymentReason=f"<b>bold</b><img src=x onerror=y>{HOSTILE}"))
    await fund(seller, buyer, "5")
    await seller.pay(buyer.answer["prepaidSenderTokenID"], "1", SenderDescription=HOSTILE)

    for path in ("/account", buyer.path, f"{buyer.path}/cancel"):
        response = await buyer.browser.get(path)
        for bad in ("<script", "<img src=x", "z" * 9):
            assert bad not in response.text.lower(), (path, bad)
    assert "<b>bold</b>" in (await buyer.browser.get(buyer.path)).text
    name = (await buyer.browser.get(f"{buyer.path}/statement.csv")).headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="[a-z0-9.-]+"', name)


@pytest.mark.parametrize("name", ["x", "P" * 64, "%00", "U" * 63])
async def test_ids_that_are_none_have_no_page(world: World, seller: Seller, name: str) -> None:
    buyer = await buyer_of(world, seller, seller.prepaid())

    for path in (
        f"/account/authorizations/{name}",
        f"/account/authorizations/{name}/cancel",
        f"/account?before={name}",
    ):
        assert (await buyer.browser.get(path)).status_code == 404
    no_text = name == "%00"  # then nothing is looked at any further
    assert (await buyer.browser.get(f"{buyer.path}?before={name}")).status_code == (404 if no_text else 200)
    large = "/account/payment-methods/99999999999999999999/remove"
    assert (await buyer.browser.get(large)).status_code == 404
    fields = Page(await buyer.browser.get("/account/security")).form("/sign-out").fields
    assert (await buyer.browser.http.post(large, data=fields)).status_code == 404
