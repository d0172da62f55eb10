"""A buyer's own account: full, new, and with mistakes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from tests.stories.pages.access_table import filled
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.rooms.room import SHORT, WRONG_CARD, Showroom
from tests.stories.pages.world import Browser

from tallystick.client.fps import ServiceError, amount
from tallystick.domain.decide.outgoing.redemption import ALWAYS
from tallystick.domain.money import parse_amount
from tallystick.store.records import redemptions

REDEEM: Final = "/account/authorizations/{authorization_id}/redeem"


async def account(room: Showroom, browser: Browser, answer: Mapping[str, str]) -> dict[str, str]:
    instrument = answer["prepaidInstrumentID"]
    funding = {
        "SenderTokenId": answer["fundingTokenID"],
        "PrepaidInstrumentId": instrument,
        "CallerReference": secrets.token_hex(6),
    }
    await room.seller.api.call("FundPrepaid", funding | amount("FundingAmount", parse_amount("20")))
    payment = await room.seller.pay(answer["prepaidSenderTokenID"], "5", SenderDescription="A song")
    try:
        await room.seller.pay(answer["prepaidSenderTokenID"], "500")
    except ServiceError as refused:
        assert refused.code == "InsufficientBalance"  # noqa: PT017 - the figure of a chart
    (method,) = await room.world.rows("SELECT max(payment_method_id) AS number FROM payment_method")
    (bank,) = await room.world.rows("SELECT max(payment_method_id) AS n FROM payment_method WHERE method = 'ACH'")
    ids = {
        "authorization_id": instrument,
        "instrument_id": instrument,
        "token_id": answer["prepaidSenderTokenID"],
        "transaction_id": payment.text("TransactionId"),
        "event_id": f"{payment.text('TransactionId')}-1",
        "number": str(method["number"]),
        "month": f"{room.world.clock():%Y-%m}",
    }
    strict = room.world.browser(room.world.configured(require_verified_accounts=True))
    strict.http.cookies = browser.http.cookies
    checked = f"/account/payment-methods/{bank['n']}/verify"
    verify = "/account/payment-methods/{number}/verify"
    at = await room.look(strict, f"GET {verify}", checked)
    wrong = await strict.submit(at, "/verify", first="0.99", second="x")
    room.keep(f"POST {verify}", wrong, "wrong", status=422)
    named = room.world.browser(room.world.configured(public_url="http://localhost:8400"))
    named.http.cookies = browser.http.cookies
    await room.look(named, "GET /account/security/passkey", "/account/security/passkey")
    elsewhere = {
        f"GET {verify}",
        "GET /account/prove",
        "GET /account/security/passkey",
        "GET /account/sign-in",
        "GET /account/forgotten",
        "GET /account/payment-methods/set-up",
        "GET /account/confirmations/{transaction_id}",
    }
    elsewhere |= {"GET /account/reset", "GET /account/verify"}
    await room.look(browser, f"GET {REDEEM}", filled(REDEEM, room.seller, ids), "never")
    shop = room.seller.party.party_id
    await redemptions.set_policy(room.world.pool, shop, "sandbox", ALWAYS, room.world.clock())
    await room.every("/account", browser, ids, without=elsewhere)
    newcomer = await signed_in(room.world, await person(room.world), "/account/sign-in")
    for path in ("/account", "/account/payment-methods", "/account/security", "/account/data"):
        await room.look(newcomer, f"GET {path}", path, "nothing yet")
    await _account_mistakes(room, newcomer)
    return ids


async def _account_mistakes(room: Showroom, browser: Browser) -> None:
    card = await browser.get("/account/payment-methods/card")
    wrong = await browser.submit(card, "/card", **WRONG_CARD)
    room.keep("POST /account/payment-methods/card", wrong, "wrong", status=422)
    security = await browser.get("/account/security")
    wrong = await browser.submit(security, "/password", password=SHORT)
    room.keep("POST /account/security/password", wrong, "wrong", status=422)
    close = await browser.get("/account/data/close")
    room.keep("POST /account/data/close", await browser.submit(close, "/close"), "wrong", status=422)
    done = await browser.submit(close, "/close", sure="yes", understood="yes", confirmed="yes", agreed="yes")
    room.keep("POST /account/data/close", done, "done")
