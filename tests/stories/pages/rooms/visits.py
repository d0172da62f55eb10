"""The steps of a visit with their mistakes, and each pipeline's last page."""

from __future__ import annotations

from typing import Final

from tests.stories.pages.access_table import VISIT
from tests.stories.pages.people import person
from tests.stories.pages.rooms.account import account
from tests.stories.pages.rooms.room import SHORT, WRONG_CARD, Showroom
from tests.stories.pages.world import NEEDED, Browser

ADDRESS: Final = {
    "addressName": "Ann Buyer",
    "addressLine1": "1 Main St",
    "zip": "12345",
    "city": "Springfield",
    "country": "USA",
}


async def hosted(room: Showroom) -> dict[str, str]:
    """The steps of a visit with their mistakes; the ids that came of it. Each pipeline's last page."""
    params = room.seller.prepaid(collectShippingAddress="True", paymentReason="Songs at 0.05 each")
    browser, stranger = room.world.browser(), room.world.browser()
    start = room.keep("GET /cobranded-ui/actions/start", await browser.get(room.seller.url(params)))
    steps = str(start.url.path).removesuffix("/sign-in")
    room.keep(f"GET {VISIT}/sign-in", start)
    wrong = await browser.submit(start, "/sign-in", email="nobody", password="")
    room.keep(f"POST {VISIT}/sign-in", wrong, "wrong", status=422)
    empty = await room.look(browser, f"GET {VISIT}/sign-up", f"{steps}/sign-up")
    wrong = await browser.submit(empty, "/sign-up", name="", email="", password=SHORT)
    room.keep(f"POST {VISIT}/sign-up", wrong, "wrong", status=422)
    await _by_code(room, stranger, steps)
    method = await browser.sign_up(start)
    wrong = await browser.submit(method, "/account/test-money", amount="a lot")
    room.keep("POST /account/test-money", wrong, "in a visit", status=422)
    card = await room.look(browser, f"GET {VISIT}/card", f"{steps}/card")
    room.keep(f"POST {VISIT}/card", await browser.submit(card, "/card", **WRONG_CARD), "wrong", status=422)
    bank = await room.look(browser, f"GET {VISIT}/bank-account", f"{steps}/bank-account")
    wrong = await browser.submit(bank, "/bank-account", routing="1", number="")
    room.keep(f"POST {VISIT}/bank-account", wrong, "wrong", status=422)
    await browser.add_bank_account(await browser.get(f"{steps}/method"))
    await browser.add_card(await browser.get(f"{steps}/method"))
    method = await room.look(browser, f"GET {VISIT}/method", f"{steps}/method")
    address = await browser.use_test_money(method, "100")
    room.keep(f"GET {VISIT}/address", address)
    room.keep(f"POST {VISIT}/address", await browser.submit(address, "/address"), "wrong", status=422)
    confirm = room.keep(f"GET {VISIT}/confirm", await browser.submit(address, "/address", **ADDRESS))
    late = room.world.browser(room.world.configured(confirm_within_minutes=0, step_up_minutes=0))
    late.http.cookies = browser.http.cookies
    room.keep(f"GET {VISIT}/prove", await late.get(f"{steps}/confirm"))
    await room.look(late, "GET /account/prove", "/account/prove?next=/account/security")
    room.keep(f"GET {VISIT}/sign-in", await stranger.get(f"{steps}/confirm"), "somebody else")
    answer = await room.world.answer(await browser.submit(confirm, "/confirm"))
    last = {}
    for pipeline in sorted(NEEDED.keys() - {"Recipient", "EditToken"}):
        at = await browser.get(room.seller.url(room.seller.request(pipeline)))
        last[pipeline] = room.keep(f"GET {VISIT}/confirm", await browser.submit(at, "/method"), pipeline)
    back = room.seller.request("Recurring", returnURL=f"{room.world.base_url}/sandbox/return")
    at = await browser.submit(await browser.get(room.seller.url(back)), "/method")
    there = (await browser.submit(at, "/confirm")).headers["location"]
    room.keep("GET /sandbox/return", await browser.get(there))
    agreed = await room.world.answer(await browser.submit(last["MultiUse"], "/confirm"))
    edit = room.seller.request("EditToken", tokenId=agreed["tokenID"])
    room.keep(f"GET {VISIT}/method", await browser.get(room.seller.url(edit)), "EditToken")
    await _strict_visit(room)
    return await account(room, browser, answer)


async def _by_code(room: Showroom, browser: Browser, steps: str) -> None:
    """Without a password."""
    page = await room.look(browser, f"GET {VISIT}/email", f"{steps}/email")
    wrong = await browser.submit(page, "/email", email="nobody")
    room.keep(f"POST {VISIT}/email", wrong, "wrong", status=422)
    asked = room.keep(f"POST {VISIT}/email", await browser.submit(page, "/email", email="ben@people.example"))
    room.keep(f"POST {VISIT}/email-code", await browser.submit(asked, "/email-code", code="0"), "wrong", status=422)


async def _strict_visit(room: Showroom) -> None:
    """Where addresses have to be proved."""
    strict = room.world.configured(require_verified_email=True)
    for known in ("", (await person(room.world)).email):
        browser = room.world.browser(strict)
        page = await browser.sign_up(await browser.get(room.seller.url(room.seller.prepaid())), known)
        room.keep(f"GET {VISIT}/verify" if "/verify" in page.url.path else f"POST {VISIT}/code", page, known)
    known_one = await person(room.world)
    browser = room.world.browser(strict)
    page = await browser.sign_in(await browser.get(room.seller.url(room.seller.prepaid())), known_one.email)
    room.keep(f"GET {VISIT}/verify", page, "somebody known")
    room.keep(f"POST {VISIT}/verify", await browser.submit(page, "/verify", code="0"), "wrong", status=422)
