"""Everybody tries every page and every form, with ids of somebody else: the table says what they get."""

from __future__ import annotations

import re
import secrets

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from tests.stories.pages.access_table import ENTRIES, Entry, Who, filled
from tests.stories.pages.business import disputed
from tests.stories.pages.deeds.webhooks import endpoint_of
from tests.stories.pages.people import employee, operator, person, signed_in
from tests.stories.pages.showroom import asked_for
from tests.stories.pages.world import Browser, Seller, World
from tests.stories.pictures import png
from tests.support.docs_site import built

from tallystick.client.fps import amount
from tallystick.domain.money import parse_amount
from tallystick.domain.rails.commands import RailOperation
from tallystick.services.seller.staff import StaffRole, may
from tallystick.store.accounts import logos
from tallystick.store.accounts.logos import Logo
from tallystick.store.rails import ordered_faults
from tallystick.store.records import outbox, verification_runs
from tallystick.web.app import create_pages

NOT_ASKED = {"HEAD", "OPTIONS"}


def routes(app: Litestar) -> set[str]:
    return {
        f"{method} {route.path_format}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method not in NOT_ASKED
    }


async def somebody_elses(world: World) -> dict[str, str]:
    """Ids of things that exist and are another seller's and another buyer's, by the names that paths have for them."""
    built()
    seller, browser = await world.seller("Other Shop"), world.browser()
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
    fault = ordered_faults.place(world.pool, seller.book_id, RailOperation.REFUND, "TransactionDenied", world.clock())
    page = await browser.sign_up(await browser.get(seller.url(seller.prepaid())))
    answer = await world.answer(await browser.submit(await browser.use_test_money(page, "100"), "/confirm"))
    funding = {
        "SenderTokenId": answer["fundingTokenID"],
        "PrepaidInstrumentId": answer["prepaidInstrumentID"],
        "CallerReference": secrets.token_hex(6),
    }
    await seller.api.call("FundPrepaid", funding | amount("FundingAmount", parse_amount("20")))
    payment = await seller.pay(answer["prepaidSenderTokenID"], "5")
    await verification_runs.ask(world.pool, None, world.clock())
    (letter,) = await world.rows("SELECT max(mail_id) AS number FROM mail")
    (buyer,) = await world.rows(
        "SELECT sender_party_id FROM instrument WHERE instrument_id = $1", answer["prepaidInstrumentID"]
    )
    (method,) = await world.rows("SELECT coalesce(max(payment_method_id), 0) + 1 AS number FROM payment_method")
    return {
        "authorization_id": answer["prepaidInstrumentID"],
        "instrument_id": answer["prepaidInstrumentID"],
        "token_id": answer["prepaidSenderTokenID"],
        "transaction_id": payment.text("TransactionId"),
        "event_id": f"{payment.text('TransactionId')}-1",
        "fault_id": await fault,
        "dispute_id": await disputed(world, seller),
        "approval_id": await asked_for(world, seller, {answer["prepaidInstrumentID"]: 1}),
        "access_key_id": seller.key.access_key_id,
        "endpoint_id": (await endpoint_of(world, seller)).endpoint_id,
        "person": str((await employee(world, seller, StaffRole.VIEWER)).party_id),
        "number": str(method["number"]),
        "customer": str(buyer["sender_party_id"]),
        "note_id": secrets.token_hex(10),
        "account": str(seller.party.party_id),
        "run": str((await verification_runs.latest(world.pool, 1))[0].run_id),
        "letter": str(letter["number"]),
        "payout": payment.text("TransactionId"),
        "message_id": "20270301120000-000000000000",
        "statement_id": secrets.token_hex(16),
        "month": f"{world.clock():%Y-%m}",
        "run_id": f"console-{secrets.token_hex(10)}",
        "visit_id": secrets.token_urlsafe(32),
        "invitation": secrets.token_urlsafe(24),
        "digest": await logos.save(world.pool, seller.party.party_id, Logo("image/png", png(40, 40)), world.clock()),
        "setup_id": secrets.token_urlsafe(24),
        "reference": f"sim_{secrets.token_hex(12)}",
        "accent": "17594a",
        "name": answer["certificateUrl"].split("/")[-2],
        "version": "2008-09-17",
        "file_path": "mark.svg",
        "page": "start",
    }


async def ask(browser: Browser, route: str, path: str) -> httpx.Response:
    if route.startswith("GET"):
        return await browser.http.get(path)
    return await browser.http.post(path, headers=await browser.form_header())


def names_a_thing(route: str) -> bool:
    return bool(set(re.findall(r"\{(\w+)\}", route)) - {"business", "environment"})


def what_came(response: httpx.Response) -> str:
    where = response.headers.get("location", "")
    if "/sign-in" in where:
        return "sign in"
    if response.status_code == 403:
        return "not your role" if "not for your role" in response.text else "form refused"
    if response.status_code == 404:
        return "nothing"
    return "fault" if response.status_code >= 500 else "answered"


def expected(route: str, entry: Entry, role: StaffRole | None, *, someone: bool, runs_it: bool) -> str:
    """What comes, for one of the tried seller's staff (`role`), the operator, anybody signed in, or nobody."""
    got_in = "nothing" if names_a_thing(route) or entry.names else "answered"
    shown = "nothing" if entry.names else "answered"
    match entry.who:
        case Who.ANYBODY:
            return shown
        case Who.VISITOR:
            return "nothing"
        case Who.MEMBER:
            return got_in if someone else "sign in"
        case Who.STAFF if role is not None:
            return got_in if may(role, entry.needs) else "not your role"
        case Who.OPERATOR if runs_it:
            return shown
        case _:
            return "nothing" if someone else "sign in"


def test_every_route_has_its_entry(world: World) -> None:
    assert routes(create_pages(world.service)) == set(ENTRIES)


@pytest.mark.parametrize("who", ["nobody", "a buyer", "another seller's owner", "the operator", *StaffRole])
async def test_everybody_gets_what_the_table_says(world: World, seller: Seller, who: str) -> None:
    role = StaffRole(who) if who in set(StaffRole) else None
    if who == "nobody":
        browser = world.browser()
        await browser.get("/console/sign-in")
    elif who == "a buyer":
        browser = await signed_in(world, await person(world))
    elif who == "the operator":
        browser = await signed_in(world, await operator(world))
    else:
        employer = seller if role else await world.seller("Neighbour")
        browser = await signed_in(world, await employee(world, employer, role or StaffRole.OWNER))
    ids = await somebody_elses(world)

    wrong = []
    for route, entry in sorted(ENTRIES.items(), key=lambda item: item[1].last):
        came = what_came(await ask(browser, route, filled(route.split(" ")[1], seller, ids)))
        wanted = expected(route, entry, role, someone=who != "nobody", runs_it=who == "the operator")
        if came != wanted:
            wrong.append(f"{who} at {route}: {came}, not {wanted}")
    assert wrong == []
