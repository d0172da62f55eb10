"""The way to a payment provider and back, and a payment that has to be confirmed with the bank."""

from __future__ import annotations

import httpx
from tests.stories.pages.access_table import VISIT
from tests.stories.pages.rooms.room import Showroom
from tests.stories.pages.world import Browser


async def providers(room: Showroom) -> None:
    """The way to a payment provider and back, and a payment that has to be confirmed with the bank."""
    browser, world = room.world.browser(), room.world
    at = await browser.sign_up(await browser.get(room.seller.url(room.seller.prepaid())))
    steps = str(at.url.path).removesuffix("/method")
    provider, setup_id = await _gone_to_provider(room, browser, at)
    await room.look(browser, f"GET {VISIT}/set-up", f"{steps}/set-up?setup={setup_id}")
    page = await room.look(browser, "GET /simulated-provider/set-up/{reference}", provider)
    wrong = await browser.submit(page, provider, number="1")
    room.keep("POST /simulated-provider/set-up/{reference}", wrong, "wrong", status=422)
    _, setup_id = await _gone_to_provider(room, browser, await browser.get("/account/payment-methods/card"))
    place = "/account/payment-methods/set-up"
    await room.look(browser, f"GET {place}", f"{place}?setup={setup_id}")
    card = await browser.get(f"{steps}/card")
    confirm = await browser.submit(card, "/card", number="4000 0027 6000 3184", expiry="10/2031")
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    funding = await room.seller.fund(answer["fundingTokenID"], answer["prepaidInstrumentID"], "20.00")
    await world.rail_answers()
    place, payment = "/account/confirmations", funding.text("TransactionId")
    page = await room.look(browser, f"GET {place}/{{transaction_id}}", f"{place}/{payment}")
    gone = await browser.submit(page, f"/{payment}")
    bank = gone.headers["location"].removeprefix(world.base_url)
    page = await room.look(browser, "GET /simulated-provider/confirm/{reference}", bank)
    room.keep("POST /simulated-provider/confirm/{reference}", await browser.submit(page, bank), "done")


async def _gone_to_provider(room: Showroom, browser: Browser, page: httpx.Response) -> tuple[str, str]:
    """Where the form of a page leads to set up a card, and the id of the set-up."""
    gone = await browser.submit(page, "/set-up")
    provider = gone.headers["location"].removeprefix(room.world.base_url)
    (row,) = await room.world.rows("SELECT setup_id FROM rail_setup WHERE reference = $1", provider.rpartition("/")[2])
    return provider, row["setup_id"]
