"""Somebody opened an account with another person's address; its owner comes, and nothing of the first is left in it."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.stories.pages.authenticator import Authenticator, asked
from tests.stories.pages.buyers import AccountHolder
from tests.stories.pages.people import at_work, console, person
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.context import Service
from tallystick.services.identity import mail
from tallystick.services.seller.staff import StaffRole
from tallystick.settings import from_environment
from tallystick.store.accounts import parties
from tallystick.store.ledger.verify import verify

ORIGIN = "http://localhost:8400"
NEW = "an entirely different sentence"
MAIL = {"smtp_url": "smtp://mail.example", "mail_from": "payments@example.com"}


def named(world: World, **settings: object) -> Service:
    """The service as browsers reach it by a name, which passkeys need."""
    return world.configured(public_url=ORIGIN, **settings)


async def intruder(world: World, seller: Seller, email: str) -> tuple[AccountHolder, Authenticator]:
    """Somebody who opened an account with this address, consented to a charge, and added a card and a passkey."""
    browser, device = world.browser(named(world)), Authenticator(ORIGIN)
    method = await browser.sign_up(await browser.get(seller.url(seller.request("MultiUse"))), email)
    confirm = await browser.add_card(method)
    back = await browser.submit(confirm, "/confirm")
    buyer = AccountHolder(browser, email, dict(parse_qsl(urlsplit(back.headers["location"]).query)))
    page = await browser.get("/account/security/passkey")
    await browser.submit(page, "/passkey", passkey=device.make(asked(page)), name="Intruder's phone")
    assert await enters(world, device)
    return buyer, device


async def enters(world: World, device: Authenticator) -> bool:
    browser = world.browser(named(world))
    page = await browser.get("/account/sign-in")
    return (await browser.submit(page, "/sign-in", passkey=device.sign(asked(page)))).url.path == "/account"


async def reset(world: World, email: str, **typed: str) -> tuple[Browser, str]:
    """Somebody who reads the mail to the address chooses another password; what the page said before."""
    browser = world.browser()
    await browser.submit(await browser.get("/account/forgotten"), "/forgotten", email=email)
    page = await browser.get(await world.mailed_link(email))
    done = await browser.submit(page, "/reset", password=NEW, **typed)
    assert "Your password is changed" in Page(done).text
    return browser, Page(page).text


async def left(world: World, email: str) -> dict[str, int]:
    """What there is in the account, counted."""
    (row,) = await world.rows(
        "SELECT (SELECT count(*) FROM passkey AS p WHERE p.party_id = party.party_id) AS passkeys,"
        " (SELECT count(*) FROM web_session AS s WHERE s.party_id = party.party_id) AS sessions,"
        " (SELECT count(*) FROM payment_method AS m WHERE m.party_id = party.party_id AND removed_at IS NULL) AS cards,"
        " (SELECT count(*) FROM token WHERE sender_party_id = party_id AND cancelled_at IS NULL) AS tokens"
        " FROM party WHERE email = $1",
        email,
    )
    return row


async def verified(world: World, email: str) -> bool:
    party = await parties.find_by_email(world.pool, email)
    assert party is not None
    return party.email_verified


async def test_a_new_password_ends_all_that_a_stranger_left_in_the_account(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    buyer, device = await intruder(world, seller, email)
    token = buyer.answer["tokenID"]
    await world.pool.execute(
        "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1", seller.book_id
    )
    assert await left(world, email) == {"passkeys": 1, "sessions": 2, "cards": 1, "tokens": 1}
    assert await seller.told(token, "1") == "Pending"

    _, said = await reset(world, email)

    assert "Nobody has confirmed this address before" in said
    assert await left(world, email) == {"passkeys": 0, "sessions": 0, "cards": 0, "tokens": 0}
    assert not await enters(world, device)
    assert (await buyer.browser.get("/account")).url.path == "/account/sign-in"
    assert await seller.told(token, "1") == "TokenNotActive_Sender"
    told = await world.rows(
        "SELECT subject_id FROM outbox WHERE book_id = $1 AND kind = 'TokenCancellation'", seller.book_id
    )
    assert [row["subject_id"] for row in told] == [token]
    assert await verified(world, email)
    await world.rail_answers()
    assert (await verify(world.pool)).problems == []


async def test_who_opened_the_account_and_reads_its_mail_loses_nothing(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    buyer, device = await intruder(world, seller, email)
    before = await left(world, email)

    letters = [one for one in await mail.latest(world.service, 9) if one.recipient == email]
    code = next(one.subject.partition(" ")[0] for one in letters if "is your code" in one.subject)
    page = await buyer.browser.get("/account/security")
    await buyer.browser.submit(page, "/address", code=code)

    assert await verified(world, email)
    assert await left(world, email) == before
    assert await enters(world, device)
    assert await seller.told(buyer.answer["tokenID"], "1") == "Pending"


async def test_a_new_password_takes_along_the_passkeys_that_are_ticked(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    buyer, lost = await intruder(world, seller, email)
    await world.pool.execute("UPDATE party SET email_verified_at = now() WHERE email = $1", email)
    kept, page = Authenticator(ORIGIN), await buyer.browser.get("/account/security/passkey")
    await buyer.browser.submit(page, "/passkey", passkey=kept.make(asked(page)), name="My key")
    asking = world.browser()
    await asking.submit(await asking.get("/account/forgotten"), "/forgotten", email=email)
    page = await asking.get(await world.mailed_link(email))
    text = Page(page).text
    assert "Passkeys that sign in to your account" in text
    assert "Intruder's phone" in text
    assert "My key" in text

    first = next(one for one in page.text.split('name="')[1:] if one.startswith("remove."))
    short = await asking.submit(page, "/reset", password="short", **{first.partition('"')[0]: "yes"})
    assert short.status_code == 422
    await asking.submit(short, "/reset", password=NEW)  # what was ticked still is

    assert not await enters(world, lost)
    assert await enters(world, kept)
    assert await seller.told(buyer.answer["tokenID"], "1") == "Pending"  # nothing else ends


async def test_an_invitation_sent_to_the_address_ends_what_was_there(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    buyer, device = await intruder(world, seller, email)
    mailing = world.configured(**MAIL)
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "staff"))
    await owner.submit(page, "/staff", email=email, role=StaffRole.DEVELOPER)
    path = await world.mailed_link(email)
    browser = world.browser(mailing)
    asking = await browser.get(path)
    sign_in = await browser.get(next(one for one in Page(asking).links if "sign-in" in one))
    accepting = await browser.submit(sign_in, "/sign-in", email=email, password=PASSWORD)

    home = await browser.submit(accepting, path)

    assert home.url.path == console(seller)  # this browser stays signed in
    assert await verified(world, email)
    assert await left(world, email) == {"passkeys": 0, "sessions": 1, "cards": 0, "tokens": 0}
    assert not await enters(world, device)
    assert (await buyer.browser.get("/account")).url.path == "/account/sign-in"


async def test_an_invitation_that_its_inviter_sees_proves_nothing(world: World, seller: Seller) -> None:
    friend = await person(world)
    owner = await at_work(world, seller)
    await owner.submit(await owner.get(console(seller, "staff")), "/staff", email=friend.email, role=StaffRole.VIEWER)
    path, browser = await world.mailed_link(friend.email), world.browser()
    sign_in = await browser.get(next(one for one in Page(await browser.get(path)).links if "sign-in" in one))
    accepting = await browser.submit(sign_in, "/sign-in", email=friend.email, password=PASSWORD)

    assert (await browser.submit(accepting, path)).url.path == console(seller)
    assert not await verified(world, friend.email)


async def test_where_mail_leaves_nobody_consents_or_adds_a_passkey_without_answering_it(
    world: World, seller: Seller
) -> None:
    mailing = named(world, **MAIL)
    someone, device = await person(world), Authenticator(ORIGIN)
    browser = world.browser(mailing)
    page = await browser.sign_in(await browser.get(seller.url(seller.prepaid())), someone.email)
    assert page.url.path.endswith("/verify")

    security = await browser.get("/account/security/passkey")
    assert security.url.path == "/account/security"
    assert "Confirm your e-mail address first" in Page(security).text
    elsewhere = world.browser(named(world))
    await elsewhere.sign_in(await elsewhere.get("/account/sign-in"), someone.email)
    form = await elsewhere.get("/account/security/passkey")
    csrf = Page(security).form("/sign-out").fields["_csrf_token"]
    made = {"passkey": device.make(asked(form)), "name": "Early", "_csrf_token": csrf}
    refused = await browser.post("/account/security/passkey", made)
    assert "The passkey is added." not in Page(refused).text
    assert (await left(world, someone.email))["passkeys"] == 0

    await browser.submit(page, "/verify", again="yes")
    on = await browser.submit(page, "/verify", code=await world.mailed_code(someone.email))
    assert on.url.path.endswith("/method")
    form = await browser.get("/account/security/passkey")
    assert form.url.path == "/account/security/passkey"


@pytest.mark.parametrize(
    ("given", "required"),
    [
        ({}, False),
        ({"TALLYSTICK_SMTP_URL": "smtp://mail.example", "TALLYSTICK_MAIL_FROM": "a@b.example"}, True),
        (
            {
                "TALLYSTICK_SMTP_URL": "smtp://mail.example",
                "TALLYSTICK_MAIL_FROM": "a@b.example",
                "TALLYSTICK_REQUIRE_VERIFIED_EMAIL": "false",
            },
            False,
        ),
        ({"TALLYSTICK_REQUIRE_VERIFIED_EMAIL": "true"}, True),
    ],
    ids=["no mail", "mail", "mail, switched off", "switched on"],
)
def test_addresses_are_verified_as_soon_as_mail_can_be_sent(given: dict[str, str], required: bool) -> None:
    settings = from_environment(given)

    assert settings.require_verified_email is required
    assert settings.consent_needs_verified_email is (required or "TALLYSTICK_SMTP_URL" in given)
