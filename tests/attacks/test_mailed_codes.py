"""Codes that stand for a password: guessed, overheard, typed elsewhere, asked for without end, or asked about."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.stories.pages.account.test_codes import asked_for_code, exhaust, letters_to, wrong
from tests.stories.pages.codes import asked, guest, new_address
from tests.stories.pages.people import operator, person
from tests.stories.pages.world import PASSWORD, Page, Seller, World

from tallystick.services.identity import attempts
from tallystick.services.identity.hosted import mailed_codes
from tallystick.store.accounts import mailed_proofs, parties, staff


async def test_few_guesses_for_a_letter_and_for_an_address(world: World, seller: Seller) -> None:
    email = new_address()
    for _letter in range(attempts.WRONG_CODES.maximum // mailed_proofs.MAX_WRONG_CODES):
        browser, page = await asked(world, seller, email)
        code = await world.mailed_code(email)
        for _guess in range(mailed_proofs.MAX_WRONG_CODES):
            assert (await browser.submit(page, "/email-code", code=wrong(code))).status_code == 422
        assert (await browser.submit(page, "/email-code", code=code)).status_code == 422

    browser, page = await asked(world, seller, email)
    assert (await browser.submit(page, "/email-code", code=await world.mailed_code(email))).status_code == 422
    assert await parties.find_by_email(world.pool, email) is None
    await guest(world, seller)  # others go on

    world.clock.ahead = attempts.WRONG_CODES.window
    browser, page = await asked(world, seller, email)
    on = await browser.submit(page, "/email-code", code=await world.mailed_code(email))
    assert on.url.path.endswith("/method")


async def test_a_code_counts_once_also_when_two_come_at_once(world: World, seller: Seller) -> None:
    email = new_address()
    browser, page = await asked(world, seller, email)
    code = await world.mailed_code(email)

    answers = await asyncio.gather(*(browser.submit(page, "/email-code", code=code) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert (await browser.submit(page, "/email-code", code=code)).status_code == 422


async def test_two_letters_at_once_open_one_account(world: World, seller: Seller) -> None:
    email, at = new_address(), []
    for _visit in range(2):
        browser, page = await asked(world, seller, email)
        at.append((browser, page, await world.mailed_code(email)))

    answers = await asyncio.gather(*(browser.submit(page, "/email-code", code=code) for browser, page, code in at))

    assert [answer.url.path.rpartition("/")[2] for answer in answers] == ["method", "method"]
    assert len(await world.rows("SELECT 1 FROM party WHERE email = $1", email)) == 1


async def test_a_code_is_of_no_use_in_another_visit_or_form(world: World, seller: Seller) -> None:
    email = new_address()
    browser, page = await asked(world, seller, email)
    code = await world.mailed_code(email)
    _, elsewhere = await asked(world, seller, email, browser)
    later = await world.mailed_code(email)
    ours, theirs = Page(page).form("/email-code"), Page(elsewhere).form("/email-code")

    for action, fields in (
        (theirs.action, ours.fields | {"code": code}),  # ticket and code of one visit, in another
        (theirs.action, theirs.fields | {"code": code}),  # the code alone
        (ours.action, ours.fields | {"code": later}),
    ):
        assert (await browser.post(action, fields)).status_code == 422
    assert await parties.find_by_email(world.pool, email) is None

    assert (await browser.submit(page, "/email-code", code=code)).url.path.endswith("/method")


async def test_codes_of_other_letters_do_not_sign_in(world: World, seller: Seller) -> None:
    email = new_address()
    browser, page = await asked(world, seller, email)
    other, opening = await asked_for_code(world, seller, other_email := new_address())
    form, open_form = Page(page).form("/email-code"), Page(opening).form("/code")
    opens = {"ticket": open_form.fields["ticket"], "code": await world.mailed_code(other_email)}
    enters = {"ticket": form.fields["ticket"], "code": await world.mailed_code(email)}

    assert (await browser.post(form.action, form.fields | opens)).status_code == 422
    assert (await other.post(open_form.action, open_form.fields | enters)).status_code == 422

    assert await parties.find_by_email(world.pool, email) is None
    assert await parties.find_by_email(world.pool, other_email) is None


async def test_a_code_works_for_a_quarter_of_an_hour(world: World, seller: Seller) -> None:
    email = new_address()
    browser, page = await asked(world, seller, email)
    code = await world.mailed_code(email)

    world.clock.ahead = mailed_codes.LIFE
    assert (await browser.submit(page, "/email-code", code=code)).status_code == 422
    world.clock.ahead = mailed_codes.LIFE - timedelta(seconds=1)
    assert (await browser.submit(page, "/email-code", code=code)).url.path.endswith("/method")


async def test_the_pages_do_not_tell_who_has_an_account(world: World, seller: Seller) -> None:
    with_password, able = await person(world), (await world.seller(signs_in=True)).party
    _, _, known = await guest(world, seller)
    _, _, closed = await guest(world, seller)
    await world.pool.execute("UPDATE party SET status = 'closed' WHERE party_id = $1", closed.party_id)
    taking = {new_address(), known.email}
    pages, refused = set(), set()
    for email in (*taking, with_password.email, able.email, closed.email):
        browser, page = await asked(world, seller, email)
        pages.add((page.status_code, Page(page).text.replace(email, "…")))
        answer = await browser.submit(page, "/email-code", code="0000")
        refused.add((answer.status_code, Page(answer).text.replace(email, "…")))
        expected = "is your code" if email in taking else "Sign in with your password"
        assert expected in (await world.mailed(email)).subject
        kept = await world.rows("SELECT code_digest FROM mailed_proof WHERE email = $1 AND used_at IS NULL", email)
        assert [row["code_digest"] is not None for row in kept] == [email in taking]

    assert len(pages) == 1
    assert len(refused) == 1


async def test_nobodys_mailbox_is_flooded(world: World, seller: Seller) -> None:
    email = new_address()
    for _letter in range(attempts.CODE_LETTERS.maximum + 1):
        browser, page = await asked(world, seller, email)

    assert "We sent a letter to" in Page(page).text  # as for everybody else
    assert await letters_to(world, email) == attempts.CODE_LETTERS.maximum
    last = await world.mailed_code(email)
    assert (await browser.submit(page, "/email-code", code=last)).status_code == 422
    held = await person(world)
    await exhaust(world, attempts.CODE_LETTERS, held.email)
    forgotten = world.browser()
    await forgotten.submit(await forgotten.get("/account/forgotten"), "/forgotten", email=held.email)
    assert (await world.mailed(held.email)).subject == "Choose a new password"


async def test_one_client_cannot_ask_or_guess_without_end(world: World, seller: Seller) -> None:
    service = world.configured(reverse_proxies=1)
    client, email = "203.0.113.171", new_address()
    browser = world.browser(service)
    browser.http.headers["x-forwarded-for"] = client
    _, page = await asked(world, seller, email, browser)
    code = await world.mailed_code(email)
    await exhaust(world, attempts.FAILED_SIGN_INS, client)
    assert (await browser.submit(page, "/email-code", code=code)).status_code == 422
    browser.http.headers["x-forwarded-for"] = "198.51.100.171"
    assert (await browser.submit(page, "/email-code", code=code)).url.path.endswith("/method")

    await exhaust(world, attempts.CODE_REQUESTS, client)
    many = world.browser(service)
    many.http.headers["x-forwarded-for"] = client
    _, held = await asked(world, seller, late := new_address(), many)
    assert held.status_code == 422
    assert mailed_codes.TOO_MANY in Page(held).text
    assert await letters_to(world, late) == 0


async def test_the_mailbox_alone_enters_no_account_that_needs_more(world: World, seller: Seller) -> None:
    """Whatever the setting: of addresses nobody proved, of businesses, and where a second factor is required."""
    strict = world.configured(mailed_codes="buyers", require_second_factor="both")
    unproved, boss, owner = await person(world), await operator(world), await person(world)
    await staff.add(world.pool, seller.party.party_id, owner.party_id, "owner", world.clock())
    async with world.pool.acquire() as connection:
        for someone in (boss, owner):
            await parties.set_standing(connection, someone.party_id, world.clock(), email_verified=True)
    able = (await world.seller(signs_in=True)).party

    for email in (unproved.email, boss.email, owner.email, able.email):
        await asked(world, seller, email, world.browser(strict))
        assert (await world.mailed(email)).subject == "Sign in with your password", email


async def test_what_changed_since_the_letter_counts(world: World, seller: Seller) -> None:
    _, _, someone = await guest(world, seller)
    browser, page = await asked(world, seller, someone.email)
    code = await world.mailed_code(someone.email)
    await parties.replace_password(world.pool, someone.party_id, await world.service.passwords.hash(PASSWORD))

    assert (await browser.submit(page, "/email-code", code=code)).status_code == 422
    assert (await browser.get("/account")).url.path == "/account/sign-in"


async def test_without_a_password_no_password_signs_in(world: World, seller: Seller) -> None:
    _, _, someone = await guest(world, seller)
    for typed in (PASSWORD, " ", "None"):
        browser = world.browser()
        page = await browser.get("/account/sign-in")
        assert (await browser.submit(page, "/sign-in", email=someone.email, password=typed)).status_code == 422
