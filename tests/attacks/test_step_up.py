"""A session that somebody else has got hold of: what matters asks for a proof of the last minutes first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx
import pytest
from litestar.routes import HTTPRoute
from tests.stories.pages.access_table import DESK, VISIT
from tests.stories.pages.audit_table import FORMS, SIGNING_IN, Form
from tests.stories.pages.common.test_audit_of_forms import marks
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import (
    at_work,
    code_of,
    console,
    employee,
    runs_the_service,
    signed_in,
    with_app,
)
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, UploadedFile, World

from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts.parties import Party
from tallystick.web.app import create_pages

BUYERS: Final = "a visit asks for a proof of its own before anything is agreed to: test_agreeing.py"
PROTECTS: Final = "it only ends or shuts something of one's own; whoever is robbed has to be quick"
OWN_MONEY: Final = "among one's own means of payment; a charge needs an agreement, which asks for a proof"
SANDBOX: Final = "in the sandbox alone, where no real money moves"
TOLD_AGAIN: Final = "what was told already, to the address that is set; the address asks for a proof"
LOOKS: Final = "how the hosted pages look; the account's own name is always beside it"
NOTES: Final = "what staff tell each other about a customer: no money moves, and nobody else reads it"

FREE: Final[Mapping[str, str]] = {
    # who somebody is
    **dict.fromkeys(
        (
            "POST /account/sign-in",
            "POST /console/sign-in",
            "POST /account/prove",
            "POST /account/forgotten",
            "POST /account/reset",
            "POST /account/verify",
            "POST /account/security/address",
            f"POST {VISIT}/sign-in",
            f"POST {VISIT}/sign-up",
            f"POST {VISIT}/code",
            f"POST {VISIT}/email",
            f"POST {VISIT}/email-code",
            f"POST {VISIT}/verify",
            f"POST {VISIT}/prove",
        ),
        SIGNING_IN,
    ),
    "POST /account/security/password": "its form has the present password itself",
    "POST /account/data/name": "what somebody says of themselves: it lets nobody in, and no money moves by it",
    "POST /console/invitations/{invitation}": "whoever sends it gets a role and gives none; inviting asks for a proof",
    "POST /console/invitations/{invitation}/sign-up": "a new account",
    # what ends something
    "POST /sign-out": PROTECTS,
    "POST /account/security/sign-out": PROTECTS,
    "POST /account/security/session": PROTECTS,
    "POST /account/authorizations/{authorization_id}/cancel": PROTECTS,
    "POST /account/payment-methods/{number}/remove": PROTECTS,
    # buyers
    "POST /cobranded-ui/actions/start": BUYERS,
    "POST /pba/paypipeline": BUYERS,
    f"POST {VISIT}/method": BUYERS,
    f"POST {VISIT}/card": BUYERS,
    f"POST {VISIT}/bank-account": BUYERS,
    f"POST {VISIT}/set-up": BUYERS,
    "POST /rails/{name}/events": "signed by the payment network; nobody's session is in it",
    "POST /simulated-provider/set-up/{reference}": SANDBOX,
    "POST /simulated-provider/set-up/{reference}/cancel": SANDBOX,
    "POST /simulated-provider/confirm/{reference}": SANDBOX,
    f"POST {VISIT}/address": BUYERS,
    f"POST {VISIT}/confirm": BUYERS,
    f"POST {VISIT}/leave": BUYERS,
    "POST /account/payment-methods/card": OWN_MONEY,
    "POST /account/payment-methods/bank-account": OWN_MONEY,
    "POST /account/payment-methods/set-up": OWN_MONEY,
    "POST /account/confirmations/{transaction_id}": "it leads to the bank, which asks for a proof of its own",
    "POST /account/payment-methods/{number}/replace": OWN_MONEY,
    "POST /account/payment-methods/{number}/verify": OWN_MONEY,
    "POST /account/test-money": SANDBOX,
    # the console
    f"POST {DESK}/notifications/test": TOLD_AGAIN,
    f"POST {DESK}/notifications/{{event_id}}/replay": TOLD_AGAIN,
    f"POST {DESK}/notifications/replay-dead": TOLD_AGAIN,
    f"POST {DESK}/webhooks/{{endpoint_id}}/test": TOLD_AGAIN,
    f"POST {DESK}/webhooks/{{endpoint_id}}/replay": TOLD_AGAIN,
    f"POST {DESK}/tools/requests": SANDBOX,
    f"POST {DESK}/tools/buttons": SANDBOX,
    f"POST {DESK}/tools/faults": SANDBOX,
    f"POST {DESK}/tools/faults/{{fault_id}}/remove": SANDBOX,
    f"POST {DESK}/tools/faults/{{fault_id}}/release": SANDBOX,
    f"POST {DESK}/tools/clock": SANDBOX,
    f"POST {DESK}/disputes/try": SANDBOX,
    f"POST {DESK}/branding": LOOKS,
    f"POST {DESK}/branding/logo": LOOKS,
    f"POST {DESK}/customers/{{customer}}/notes": NOTES,
    f"POST {DESK}/customers/{{customer}}/notes/{{note_id}}/remove": NOTES,
    f"POST {DESK}/hosts": "it only asks for a host: nothing is claimed before the host itself shows a line",
    f"POST {DESK}/hosts/check": "it counts only with a line that the host itself shows",
}
"""The forms that ask for no proof, and why."""

OF_ACCOUNTS: Final = {
    "POST /account/security/passkey",
    "POST /account/security/passkey/remove",
    "POST /account/security/second-factor",
    "POST /account/security/second-factor/recovery-codes",
    "POST /account/security/second-factor/remove",
    "POST /account/data/close",
    "POST /account/authorizations/{authorization_id}/redeem",
    "POST /admin/accounts/{account}/live",
    "POST /admin/payouts/{payout}/take-back",
    f"POST {DESK}/payouts/connect",
}
"""They ask for one and leave no row in the log: test_passkeys_and_sessions.py, test_second_factor.py, and below.

The last three need a payment provider: test_live_books.py, tests/stories/stripe/test_transfers.py.
"""

GATED: Final = tuple(form for form in FORMS if form.route.startswith("POST ") and form.route not in FREE)


def test_every_form_asks_for_a_proof_or_says_why_not(world: World) -> None:
    gated: set[str] = set()
    free: set[str] = set()
    for route in create_pages(world.service).routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if "POST" in handler.http_methods:
                (gated if handler.opt.get("step_up") else free).add(f"POST {route.path_format}")

    assert free == set(FREE)
    assert gated == {form.route for form in GATED} | OF_ACCOUNTS
    assert {route for route in free if route.startswith("POST /admin")} == set()


def asks(response: httpx.Response) -> bool:
    return "_proof_ticket" in response.text


async def prove(browser: Browser, asked: httpx.Response, password: str = PASSWORD) -> httpx.Response:
    """Fill in the page that asks for a proof."""
    form = next(form for form in Page(asked).forms if "_proof_ticket" in form.fields)
    assert "_proof_password" in form.fields
    return await browser.post(form.action, form.fields | {"_proof_password": password})


@dataclass
class Doubted(Browser):
    """A browser whose proofs are always too old: it notes where it was asked, and that nothing was done before."""

    world: World
    someone: Party
    asked: list[str] = field(default_factory=list)

    async def post(self, path: str, fields: dict[str, str], file: UploadedFile | None = None) -> httpx.Response:
        before = await self._rows()
        response = await super().post(path, fields, file)
        if not asks(response):
            return response
        assert await self._rows() == before
        self.asked.append(path)
        form = next(form for form in Page(response).forms if "_proof_ticket" in form.fields)
        by_code = "_proof_code" in form.fields
        proof = {"_proof_code": await code_of(self.world, self.someone)} if by_code else {"_proof_password": PASSWORD}
        return await super().post(form.action, form.fields | proof)

    async def _rows(self) -> object:
        return await self.world.rows("SELECT max(audit_id) FROM audit_entry")


@pytest.mark.parametrize("form", GATED, ids=lambda form: f"{form.deed.__name__.strip('_')} {form.action}")
async def test_the_deed_waits_for_the_proof_and_is_done_then(world: World, seller: Seller, form: Form) -> None:
    owner = await employee(world, seller, StaffRole.OWNER)
    await runs_the_service(world, owner)
    doubted = await late(world, owner)
    scene = Scene(world, seller, owner, doubted)
    sent = await marks(scene, form.route)

    await form.deed(scene)

    assert len(sent) >= 2, f"{form.route} was done at once"
    assert doubted.asked
    rows = await world.rows("SELECT * FROM audit_entry WHERE audit_id > $1 ORDER BY audit_id", sent[-1])
    expected = [(action, scene.person.party_id) for action in (form.action, *form.then)]
    assert [(row["action"], row["actor_id"]) for row in rows] == expected


async def late(world: World, someone: Party) -> Doubted:
    """A browser on which somebody signed in too long ago for anything that matters."""
    signed = await signed_in(world, someone)
    browser = world.browser_of(world.shared_pages(step_up_minutes=0))
    browser.http.cookies = signed.http.cookies
    return Doubted(browser.http, world, someone)


async def some_time_later(world: World, seller: Seller, role: StaffRole = StaffRole.OWNER) -> Browser:
    browser = await at_work(world, seller, role)
    await browser.get(console(seller))
    world.clock.ahead = timedelta(minutes=16)
    return browser


async def keys(world: World, seller: Seller) -> int:
    return len(await world.rows("SELECT 1 FROM access_key WHERE party_id = $1", seller.party.party_id))


async def test_what_was_typed_is_kept_over_mistakes(world: World, seller: Seller) -> None:
    browser = await some_time_later(world, seller)
    page = await browser.get(console(seller, "staff"))
    asked = await browser.submit(page, "/staff", email="dee@new.example", role="finance")
    assert "Nothing is done yet." in Page(asked).text

    missing = await prove(browser, asked, "")
    wrong = await prove(browser, missing, "not the password")
    assert [missing.status_code, wrong.status_code] == [422, 422]
    assert "This is not your password" in Page(wrong).text
    assert await world.rows("SELECT 1 FROM staff_invitation WHERE business_id = $1", seller.party.party_id) == []
    done = await prove(browser, wrong)

    assert "dee@new.example" in Page(done).text
    (invited,) = await world.rows(
        "SELECT email, role FROM staff_invitation WHERE business_id = $1", seller.party.party_id
    )
    assert invited == {"email": "dee@new.example", "role": "finance"}


async def test_two_clicks_do_it_once_and_so_does_sending_it_again(world: World, seller: Seller) -> None:
    browser, before = await some_time_later(world, seller), await keys(world, seller)
    asked = await browser.submit(await browser.get(console(seller, "keys", "new")), "/keys", uses="everything")
    other = Browser(world.browser().http)
    other.http.cookies = httpx.Cookies(browser.http.cookies)

    await asyncio.gather(prove(browser, asked), prove(other, asked))
    assert await keys(world, seller) == before + 1
    again = await browser.post(
        Page(asked).forms[-1].action, Page(asked).forms[-1].fields | {"_proof_password": PASSWORD}
    )

    assert again.url.path == console(seller, "keys")
    assert await keys(world, seller) == before + 1


async def test_one_proof_is_enough_for_some_minutes(world: World, seller: Seller) -> None:
    browser = await some_time_later(world, seller)
    page = await browser.get(console(seller, "keys", "new"))
    asked = await browser.submit(page, "/keys", uses="everything")
    assert asks(asked)
    await prove(browser, asked)

    world.clock.ahead += timedelta(minutes=14)
    page = await browser.get(console(seller, "notifications", "settings"))
    assert not asks(await browser.submit(page, "/settings", url=""))
    world.clock.ahead += timedelta(minutes=2)
    assert asks(await browser.submit(page, "/settings", url=""))


@pytest.mark.parametrize("ticket", ["", "x", "AAAA", "é"])
async def test_a_ticket_alone_proves_nothing(world: World, seller: Seller, ticket: str) -> None:
    browser, before = await some_time_later(world, seller), await keys(world, seller)
    form = Page(await browser.get(console(seller, "keys", "new"))).form("/keys")

    bare = await browser.post(form.action, form.fields | {"_proof_ticket": ticket})
    assert bare.status_code == 422
    forged = await browser.post(form.action, form.fields | {"_proof_ticket": ticket, "_proof_password": PASSWORD})

    assert asks(forged)
    assert await keys(world, seller) == before


async def test_a_ticket_is_for_one_form_and_for_a_while(world: World, seller: Seller) -> None:
    browser, before = await some_time_later(world, seller), await keys(world, seller)
    page = await browser.get(console(seller, "staff"))
    elsewhere = Page(await browser.submit(page, "/staff", email="dee@new.example", role="viewer")).forms[-1]
    ticket = elsewhere.fields["_proof_ticket"]
    keys_form = Page(await browser.get(console(seller, "keys", "new"))).form("/keys")
    given = {"_proof_ticket": ticket, "_proof_password": PASSWORD}
    assert asks(await browser.post(keys_form.action, keys_form.fields | given))
    world.clock.ahead += timedelta(minutes=31)

    late_form = await browser.post(elsewhere.action, elsewhere.fields | {"_proof_password": PASSWORD})

    assert "This page was open for too long." in Page(late_form).text
    assert "dee@new.example" in Page(await prove(browser, late_form)).text
    assert await keys(world, seller) == before


async def test_who_may_not_do_it_is_not_asked(world: World, seller: Seller) -> None:
    viewer = await some_time_later(world, seller, StaffRole.VIEWER)
    form = Page(await viewer.get("/account/security")).forms[0]

    refused = await viewer.http.post(console(seller, "keys"), data=form.fields)

    assert refused.status_code == 403
    assert "not for your role" in refused.text


async def test_guesses_are_counted_as_at_the_sign_in(world: World, seller: Seller) -> None:
    browser, before = await some_time_later(world, seller), await keys(world, seller)
    asked = await browser.submit(await browser.get(console(seller, "keys", "new")), "/keys", uses="everything")
    for _ in range(5):
        asked = await prove(browser, asked, "not the password")

    assert asks(await prove(browser, asked))
    assert await keys(world, seller) == before


async def test_closing_an_account_asks_too(world: World, seller: Seller) -> None:
    browser = await late(world, await employee(world, seller, StaffRole.VIEWER))

    closed = await browser.submit(await browser.get("/account/data/close"), "/close", sure="yes")

    assert "Your account is closed" in Page(closed).text
    assert browser.asked == ["/account/data/close"]


async def test_beside_an_app_another_password_proves_nothing(world: World, seller: Seller) -> None:
    """Who has got hold of a session and of the password types it where it is changed, and is still asked for a code."""
    someone, before = await employee(world, seller, StaffRole.OWNER), await keys(world, seller)
    await with_app(world, someone)
    browser = await signed_in(world, someone)
    world.clock.ahead += timedelta(minutes=16)

    changed = await browser.submit(
        await browser.get("/account/security"), "/security/password", current=PASSWORD, password=f"{PASSWORD} anew"
    )
    assert "changed" in changed.url.query.decode()
    asked = await browser.submit(await browser.get(console(seller, "keys", "new")), "/keys", uses="everything")

    assert "_proof_code" in asked.text
    assert await keys(world, seller) == before
    code = await code_of(world, someone)
    await browser.submit(asked, "/keys", _proof_code=code)
    assert await keys(world, seller) == before + 1


async def test_nor_does_a_password_typed_before_there_was_an_app(world: World, seller: Seller) -> None:
    someone = await employee(world, seller, StaffRole.OWNER)
    browser = await signed_in(world, someone)
    await with_app(world, someone)

    asked = await browser.submit(await browser.get(console(seller, "keys", "new")), "/keys", uses="everything")

    assert "_proof_code" in asked.text
