"""Codes of letters: none without a letter, and so many guesses for an address, whichever letters they are about."""

from __future__ import annotations

import secrets
from datetime import timedelta

import httpx
from tests.stories.pages.people import at_work, console, person
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.services.identity import attempts
from tallystick.services.identity.attempts import Limit
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import mailed_proofs, parties

NEW = "an entirely different sentence"


async def asked_for_code(world: World, seller: Seller, email: str) -> tuple[Browser, httpx.Response]:
    """Somebody who signed up where addresses are verified, on the page that asks for the code."""
    browser = world.browser(world.configured(require_verified_email=True))
    page = await browser.get(seller.url(seller.prepaid()))
    form = await browser.get(next(link for link in Page(page).links if link.endswith("/sign-up")))
    return browser, await browser.submit(form, "/sign-up", name="Ann", email=email, password=NEW)


async def exhaust(world: World, limit: Limit, subject: str) -> None:
    while await attempts.allowed(world.service, limit, subject):
        pass


async def letters_to(world: World, email: str) -> int:
    (row,) = await world.rows("SELECT count(*) FROM mail WHERE recipient = $1", email)
    return int(row["count"])


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


async def test_a_code_has_eight_digits(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    browser, asking = await asked_for_code(world, seller, email)
    code = await world.mailed_code(email)
    assert len(code) == 8
    assert code.isdecimal()
    assert "a code of eight digits" in Page(asking).text

    opened = await browser.submit(asking, "/code", code=f"{code[:4]} {code[4:]}")

    assert opened.url.path.endswith("/method")


async def test_without_a_letter_there_is_no_code(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    await exhaust(world, attempts.LETTERS, email)

    _, asking = await asked_for_code(world, seller, email)

    assert "We sent a letter to" in Page(asking).text  # as for everybody else
    assert await letters_to(world, email) == 0
    kept = await world.rows("SELECT code_digest, link_digest FROM mailed_proof WHERE email = $1", email)
    assert kept == [{"code_digest": None, "link_digest": None}]


async def test_wrong_codes_count_for_the_address_not_for_the_letter(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    letters = attempts.WRONG_CODES.maximum // mailed_proofs.MAX_WRONG_CODES
    for _ in range(letters):
        browser, asking = await asked_for_code(world, seller, email)
        code = await world.mailed_code(email)
        for _ in range(mailed_proofs.MAX_WRONG_CODES):
            assert (await browser.submit(asking, "/code", code=wrong(code))).status_code == 422

    browser, asking = await asked_for_code(world, seller, email)
    code = await world.mailed_code(email)
    assert (await browser.submit(asking, "/code", code=code)).status_code == 422
    assert await parties.find_by_email(world.pool, email) is None
    other = f"{secrets.token_hex(6)}@people.example"
    elsewhere, page = await asked_for_code(world, seller, other)
    assert (await elsewhere.submit(page, "/code", code=await world.mailed_code(other))).url.path.endswith("/method")

    world.clock.ahead = attempts.WRONG_CODES.window
    browser, asking = await asked_for_code(world, seller, email)
    assert (await browser.submit(asking, "/code", code=await world.mailed_code(email))).url.path.endswith("/method")


async def test_wrong_codes_for_an_account_count_for_its_address(world: World, seller: Seller) -> None:
    someone = await person(world)
    browser = world.browser(world.configured(require_verified_email=True))
    page = await browser.sign_in(await browser.get(seller.url(seller.prepaid())), someone.email)
    page = await browser.submit(page, "/verify", again="yes")
    await exhaust(world, attempts.WRONG_CODES, someone.email)

    refused = await browser.submit(page, "/verify", code=await world.mailed_code(someone.email))

    assert refused.status_code == 422
    party = await parties.find(world.pool, someone.party_id)
    assert party is not None
    assert not party.email_verified


async def test_right_codes_are_no_guesses(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@people.example"
    browser, asking = await asked_for_code(world, seller, email)
    await browser.submit(asking, "/code", code=await world.mailed_code(email))

    allowed = [await attempts.allowed(world.service, attempts.WRONG_CODES, email) for _ in range(11)]

    assert allowed == [True] * attempts.WRONG_CODES.maximum + [False]


async def test_other_letters_keep_nobody_from_a_new_password(world: World) -> None:
    someone, browser = await person(world), world.browser()
    await exhaust(world, attempts.LETTERS, someone.email)

    await browser.submit(await browser.get("/account/forgotten"), "/forgotten", email=someone.email)

    assert (await world.mailed(someone.email)).subject == "Choose a new password"


async def test_invitations_flood_nobody(world: World, seller: Seller) -> None:
    owner, email = await at_work(world, seller), f"{secrets.token_hex(6)}@new.example"
    page = await owner.get(console(seller, "staff"))
    answers = [
        await owner.submit(page, "/staff", email=email, role=StaffRole.VIEWER)
        for _ in range(attempts.LETTERS.maximum + 1)
    ]

    assert answers[-1].status_code == 422
    assert "Several letters were sent to this address already." in Page(answers[-1]).text
    assert await letters_to(world, email) == attempts.LETTERS.maximum

    await exhaust(world, attempts.INVITATIONS, str(seller.party.party_id))
    other = f"{secrets.token_hex(6)}@new.example"
    many = await owner.submit(page, "/staff", email=other, role=StaffRole.VIEWER)
    assert "Many people were invited lately." in Page(many).text
    assert await letters_to(world, other) == 0
    world.clock.ahead = timedelta(hours=1)
    again = await owner.get(console(seller, "staff"))
    assert (await owner.submit(again, "/staff", email=other, role=StaffRole.VIEWER)).status_code == 200


async def test_links_and_codes_do_not_lie_open_in_the_database(world: World, seller: Seller) -> None:
    someone, browser = await person(world), world.browser()
    await browser.submit(await browser.get("/account/forgotten"), "/forgotten", email=someone.email)
    email = f"{secrets.token_hex(6)}@people.example"
    await asked_for_code(world, seller, email)
    key = (await world.mailed_link(someone.email)).partition("key=")[2].partition("&")[0]
    code = await world.mailed_code(email)

    kept = await world.rows(
        "SELECT concat(mail::text, encode(sealed, 'escape')) AS row FROM mail WHERE recipient = ANY($1)",
        [someone.email, email],
    )

    assert len(kept) == 2
    assert len(key) > 30
    for row in kept:
        assert key not in row["row"]
        assert code not in row["row"]
    assert any("… is your code" in row["row"] for row in kept)
