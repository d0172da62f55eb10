"""Paying without a password: a code from a letter opens an account, which gets a password when its owner likes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.stories.pages.authenticator import Authenticator
from tests.stories.pages.authenticator import asked as asked_of
from tests.stories.pages.codes import account, asked, guest, new_address
from tests.stories.pages.people import at_work, code_of, console, person, with_app
from tests.stories.pages.world import PASSWORD, Page, Seller, World

from tallystick.services.consent import evidence
from tallystick.settings.environment import from_environment
from tallystick.store.accounts import parties

NEW = "an entirely different sentence"


async def test_who_has_no_account_agrees_with_a_code(world: World, seller: Seller) -> None:
    browser, method, someone = await guest(world, seller)

    answer = await world.answer(await browser.submit(await browser.add_card(method), "/confirm"))

    assert answer["status"] == "SC"
    assert (someone.password_hash, someone.email_verified, someone.kind) == (None, True, "personal")
    assert someone.name == someone.email.partition("@")[0]
    found = await evidence.of_authorization(world.service, seller.book_id, answer["prepaidInstrumentID"])
    assert found is not None
    assert found.proved_by == "mailed"
    shown = await browser.get(f"/account/authorizations/{answer['prepaidInstrumentID']}/agreed")
    assert "by a code from a letter to your e-mail address" in Page(shown).text
    staff = await at_work(world, seller)
    theirs = await staff.get(console(seller, "agreed", answer["prepaidInstrumentID"]))
    assert "a code that was mailed to them" in Page(theirs).text


async def test_another_code_leads_to_the_same_account(world: World, seller: Seller) -> None:
    _, _, someone = await guest(world, seller)
    browser, page = await asked(world, seller, f" {someone.email.upper()} ")

    code = await world.mailed_code(someone.email.upper())
    on = await browser.submit(page, "/email-code", code=f"{code[:4]} {code[4:]}")

    assert on.url.path.endswith("/method")
    assert (await account(world, someone.email)).party_id == someone.party_id
    assert someone.email in Page(await browser.get("/account/security")).text


async def test_a_while_later_another_code_proves_who_it_is(world: World, seller: Seller) -> None:
    browser, method, someone = await guest(world, seller)
    confirm = await browser.add_card(method)
    world.clock.ahead = timedelta(minutes=15)
    asked_again = await browser.submit(confirm, "/confirm")
    assert asked_again.url.path.endswith("/prove")
    for typed in ({"password": ""}, {"password": PASSWORD}, {"code": "00000000"}):
        assert (await browser.post(str(asked_again.url.path), Page(asked_again).form("/prove").fields | typed)).is_error
    page = await browser.get(next(link for link in Page(asked_again).links if link.endswith("/email")))

    page = await browser.submit(page, "/email")
    again = await browser.submit(page, "/email-code", code=await world.mailed_code(someone.email))

    assert again.url.path.endswith("/confirm")
    assert "ending in 4242" in Page(again).text
    assert (await world.answer(await browser.submit(again, "/confirm")))["status"] == "SC"


async def test_they_say_how_they_are_called(world: World, seller: Seller) -> None:
    browser, method, someone = await guest(world, seller)
    answer = await world.answer(await browser.submit(await browser.add_card(method), "/confirm"))
    page = await browser.get("/account/data")
    assert Page(page).form("/data/name").fields["name"] == someone.name

    for wrong in ("", "   ", "x" * 101, "Ann\N{RIGHT-TO-LEFT OVERRIDE}"):
        refused = await browser.submit(page, "/data/name", name=wrong)
        assert refused.status_code == 422
        assert "Type your name as it should appear to sellers." in Page(refused).text
    done = await browser.submit(page, "/data/name", name="  Zoë   Miller ")

    assert "Your name is changed." in Page(done).text
    assert (await account(world, someone.email)).name == "Zoë Miller"
    staff = await at_work(world, seller)
    instrument = answer["prepaidInstrumentID"]
    assert "Zoë Miller" in Page(await staff.get(console(seller, "instruments", instrument))).text


async def test_a_passkey_comes_later_and_is_enough(world: World, seller: Seller) -> None:
    """While the code from the letter is some minutes old; afterwards a password comes first, or another code."""
    origin = "http://localhost:8400"
    browser, _, someone = await guest(world, seller)
    named = world.browser_of(world.shared_pages(public_url=origin))
    named.http.cookies = browser.http.cookies
    device = Authenticator(origin)
    page = await named.get("/account/security/passkey")

    added = await named.submit(page, "/passkey", passkey=device.make(asked_of(page)), name="Phone")

    assert "The passkey is added." in Page(added).text
    elsewhere = world.browser_of(world.shared_pages(public_url=origin))
    page = await elsewhere.get("/account/sign-in")
    entered = await elsewhere.submit(page, "/sign-in", passkey=device.sign(asked_of(page)))
    assert entered.url.path == "/account"
    assert (await account(world, someone.email)).password_hash is None


async def test_a_password_comes_later_and_codes_sign_in_no_more(world: World, seller: Seller) -> None:
    browser, _, someone = await guest(world, seller)
    security = await browser.get("/account/security")
    assert "Your account has no password so far" in Page(security).text
    forgotten = await browser.get(next(link for link in Page(security).links if "/account/forgotten" in link))
    await browser.submit(forgotten, "/forgotten", email=someone.email)
    reset = await browser.get(await world.mailed_link(someone.email))

    await browser.submit(reset, "/reset", password=NEW)

    elsewhere = world.browser()
    page = await elsewhere.get("/account/sign-in")
    page = await elsewhere.submit(page, "/sign-in", email=someone.email, password=NEW)
    assert page.url.path == "/account"
    assert "Change your password" in Page(await elsewhere.get("/account/security")).text
    third, code_page = await asked(world, seller, someone.email)
    assert (await world.mailed(someone.email)).subject == "Sign in with your password"
    assert (await third.submit(code_page, "/email-code", code="00000000")).status_code == 422


async def test_deeds_of_the_account_ask_who_has_no_password_to_choose_one(world: World, seller: Seller) -> None:
    browser, _, someone = await guest(world, seller)
    world.clock.ahead = timedelta(minutes=15)

    page = await browser.get("/account/prove?next=/account/data")

    assert "Your account has no password so far." in Page(page).text
    assert "/account/forgotten?next=/account/data" in Page(page).links
    await world.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", someone.party_id)
    back, code_page = await asked(world, seller, someone.email)
    on = await back.submit(code_page, "/email-code", code=await world.mailed_code(someone.email))
    assert on.is_redirect  # signed in, and sent back to the seller as after a password
    assert (await back.get("/account")).url.path == "/account"


async def test_the_code_of_an_app_is_asked_for_besides(world: World, seller: Seller) -> None:
    _, _, someone = await guest(world, seller)
    await with_app(world, someone)
    browser, page = await asked(world, seller, someone.email)

    page = await browser.submit(page, "/email-code", code=await world.mailed_code(someone.email))

    assert "Type your code" in Page(page).text
    assert (await browser.get("/account")).url.path == "/account/sign-in"
    refused = await browser.submit(page, "/sign-in", code="1")
    assert refused.status_code == 422
    on = await browser.submit(refused, "/sign-in", code=await code_of(world, someone))
    assert on.url.path.endswith("/method")
    assert (await browser.get("/account")).url.path == "/account"


async def test_where_the_setting_says_so_codes_stand_for_passwords(world: World, seller: Seller) -> None:
    someone = await person(world)
    async with world.pool.acquire() as connection:
        await parties.set_standing(connection, someone.party_id, world.clock(), email_verified=True)
    browser = world.browser(world.configured(mailed_codes="buyers"))
    browser, page = await asked(world, seller, someone.email, browser)

    on = await browser.submit(page, "/email-code", code=await world.mailed_code(someone.email))

    assert on.url.path.endswith("/method")
    assert (await account(world, someone.email)).password_hash == someone.password_hash


async def test_where_it_is_off_nobody_is_offered_a_code(world: World, seller: Seller) -> None:
    email = new_address()
    browser, page = await asked(world, seller, email)
    off = world.browser(world.configured(mailed_codes="nobody"))
    off.http.cookies = browser.http.cookies
    steps = str(page.url.path).removesuffix("/email")

    refused = await off.submit(page, "/email-code", code=await world.mailed_code(email))

    assert refused.url.path == f"{steps}/sign-in"
    assert not any(link.endswith("/email") for link in Page(refused).links)
    assert (await off.get(f"{steps}/email")).url.path == f"{steps}/sign-in"
    another = new_address()
    told = await off.post(f"{steps}/email", Page(refused).form("/sign-in").fields | {"email": another})
    assert told.url.path == f"{steps}/sign-in"
    assert await world.rows("SELECT 1 FROM mail WHERE recipient = $1", another) == []
    assert await parties.find_by_email(world.pool, email) is None


async def test_businesses_that_are_to_be_paid_are_offered_none(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await browser.get(seller.url(seller.request("Recipient")))

    assert not any(link.endswith("/email") for link in Page(page).links)
    there = await browser.get(str(page.url.path).replace("/sign-in", "/email"))
    assert there.url.path.endswith("/sign-in")


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({}, "nobody"),
        ({"TALLYSTICK_SMTP_URL": "smtp://mail.example", "TALLYSTICK_MAIL_FROM": "a@b.example"}, "guests"),
        (
            {
                "TALLYSTICK_SMTP_URL": "smtp://mail.example",
                "TALLYSTICK_MAIL_FROM": "a@b.example",
                "TALLYSTICK_MAILED_CODES": "nobody",
            },
            "nobody",
        ),
        ({"TALLYSTICK_MAILED_CODES": "buyers"}, "buyers"),
    ],
    ids=["no mail", "mail", "mail, switched off", "for all buyers"],
)
def test_codes_are_mailed_as_soon_as_mail_can_be_sent(given: dict[str, str], codes: str) -> None:
    assert from_environment(given).mailed_codes == codes
