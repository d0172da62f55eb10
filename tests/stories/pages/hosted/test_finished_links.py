"""A link that was finished: its answer is for who gave it, and for nobody else who has the link."""

from __future__ import annotations

import secrets

import httpx
from tests.stories.pages.visits import PREPAID_IDS, instruments
from tests.stories.pages.world import Browser, Seller, World, named

ADDRESS = {
    "addressName": "Ann Buyer",
    "addressLine1": "1 Main Street",
    "city": "Springfield",
    "zip": "12345",
    "country": "US",
}
TOLD = (*PREPAID_IDS, "status", "expiry", "addressLine1")
"""What an answer has that is nobody else's business."""


async def finished(world: World, seller: Seller) -> tuple[str, str, Browser, httpx.Response, dict[str, str]]:
    """A link that a buyer finished: the link, the buyer's address, browser, confirmation page and answer."""
    browser, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    url = seller.url(seller.prepaid(collectShippingAddress="True"))
    page = await browser.add_card(await browser.sign_up(await browser.get(url), email))
    confirm = await browser.submit(page, "/address", **ADDRESS)
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    return url, email, browser, confirm, answer


def tells_nothing(response: httpx.Response, answer: dict[str, str]) -> bool:
    said = response.text + response.headers.get("location", "")
    return not any(answer[name] in said for name in TOLD if name in answer and name != "status")


async def sign_out(browser: Browser) -> None:
    page = await browser.get("/account")
    await browser.submit(page, "/sign-out")


async def test_a_stranger_is_asked_to_sign_in_and_told_nothing(world: World, seller: Seller) -> None:
    url, _, _, confirm, answer = await finished(world, seller)

    for opened in (url, str(confirm.url)):
        stranger = world.browser()
        page = await stranger.get(opened)
        assert (page.status_code, page.url.path.rpartition("/")[2]) == (200, "sign-in")
        assert tells_nothing(page, answer)


async def test_another_buyer_gets_no_ids_expiry_or_address(world: World, seller: Seller) -> None:
    url, _, _, confirm, answer = await finished(world, seller)
    other = world.browser()

    told = await other.sign_up(await other.get(url))
    came = await world.answer(told)
    assert (came["status"], came["errorMessage"]) == ("CE", named(["callerReferenceSender"]))
    assert tells_nothing(told, answer)
    again = await world.answer(await other.get(url))
    assert again["status"] == "CE"
    own_visit = await other.get(str(confirm.url))
    assert own_visit.status_code == 404
    assert tells_nothing(own_visit, answer)
    assert await instruments(world, seller) == [answer["prepaidInstrumentID"]]


async def test_its_buyer_gets_it_again_on_another_browser(world: World, seller: Seller) -> None:
    url, email, _, confirm, answer = await finished(world, seller)
    for opened in (url, str(confirm.url)):
        browser = world.browser()
        again = await world.answer(await browser.sign_in(await browser.get(opened), email))
        assert {name: again[name] for name in TOLD} == {name: answer[name] for name in TOLD}
    signed_in = await world.answer(await browser.get(url))
    assert signed_in["prepaidInstrumentID"] == answer["prepaidInstrumentID"]
    assert await instruments(world, seller) == [answer["prepaidInstrumentID"]]


async def test_the_same_browser_gets_it_again_signed_out(world: World, seller: Seller) -> None:
    url, _, browser, confirm, answer = await finished(world, seller)
    await sign_out(browser)

    for opened in (url, str(confirm.url)):
        again = await world.answer(await browser.get(opened))
        assert {name: again[name] for name in TOLD} == {name: answer[name] for name in TOLD}


async def test_a_made_up_cookie_opens_nothing(world: World, seller: Seller) -> None:
    url, _, browser, _, answer = await finished(world, seller)
    (cookie,) = [one for one in browser.http.cookies.jar if one.name == "tallystick-browser"]
    kept = await world.rows(
        "SELECT browser_digest FROM cobranded_visit WHERE caller_party_id = $1 AND status = 'SC'", seller.party.party_id
    )
    assert cookie.value is not None
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert [cookie.value.encode() in row["browser_digest"] for row in kept] == [False]
    for value in (secrets.token_urlsafe(24), kept[0]["browser_digest"].hex()[:32], "x", cookie.value[:-1]):
        stranger = world.browser()
        stranger.http.cookies.set("tallystick-browser", value, domain="127.0.0.1")
        page = await stranger.get(url)
        assert page.url.path.endswith("/sign-in")
        assert tells_nothing(page, answer)


async def test_a_recipient_gets_its_tokens_again_and_others_do_not(world: World, seller: Seller) -> None:
    business = await world.seller("The Band", signs_in=True)
    browser = world.browser()
    url = seller.url(seller.request("Recipient"))
    confirm = await browser.sign_in(await browser.get(url), business.party.email)
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    assert answer["status"] == "SR"

    elsewhere = world.browser()
    again = await world.answer(await elsewhere.sign_in(await elsewhere.get(url), business.party.email))
    assert again["refundTokenID"] == answer["refundTokenID"]
    stranger = await world.browser().get(url)
    assert stranger.url.path.endswith("/sign-in")


async def test_a_purchase_is_for_its_buyer_alone(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await browser.post("/pba/paypipeline", seller.button())
    confirm = await browser.use_test_money(await browser.sign_up(page), "20")
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    stranger = await world.browser().get(str(confirm.url))

    assert stranger.url.path.endswith("/sign-in")
    assert answer["buyerEmail"] not in stranger.text
    again = await world.answer(await browser.get(str(confirm.url)))
    assert again["transactionId"] == answer["transactionId"]


async def test_what_was_left_leads_back_whoever_asks(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await browser.get(seller.url(seller.prepaid()))
    await browser.submit(page, "/leave")

    left = await world.answer(await world.browser().get(str(page.url)))

    assert left["status"] == "A"
