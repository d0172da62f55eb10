"""Codes of an authenticator app: asked for after the password at every way in, each used once, few guesses."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.authenticator import Authenticator, asked
from tests.stories.pages.people import code_of, person, shown_by_app, signed_in, typed_code, with_app
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.identity import password_reset, second_factor
from tallystick.store.accounts.parties import Party

SECOND_FACTOR = "/account/security/second-factor"
ORIGIN = "http://localhost:8400"


async def with_codes(world: World) -> tuple[Party, Browser, list[str]]:
    """Somebody who has set an app up on this browser, and their recovery codes."""
    someone = await person(world)
    browser = await signed_in(world, someone, "/account/sign-in")
    page = await browser.get(SECOND_FACTOR)
    done = await browser.submit(page, "/second-factor", code=shown_by_app(world, page))
    assert done.status_code == 200, Page(done).text
    return someone, browser, codes_in(done)


def codes_in(page: httpx.Response) -> list[str]:
    return re.findall(r"<li><code>([a-z2-9-]+)</code></li>", page.text)


async def asked_for_code(world: World, someone: Party, at: str = "/account/sign-in") -> tuple[Browser, httpx.Response]:
    """The page after the right password."""
    browser = world.browser()
    page = await browser.submit(await browser.get(at), "/sign-in", email=someone.email, password=PASSWORD)
    assert "Type your code" in Page(page).text
    return browser, page


async def test_the_password_alone_signs_in_no_more(world: World) -> None:
    someone, _, _ = await with_codes(world)
    assert "Codes of an app are asked for" in (await world.mailed(someone.email)).subject

    browser, page = await asked_for_code(world, someone)
    assert (await browser.get("/account")).url.path == "/account/sign-in"
    wrong = await browser.submit(page, "/sign-in", code="000000")
    assert wrong.status_code == 422
    assert (await browser.get("/account")).url.path == "/account/sign-in"

    assert (await browser.submit(wrong, "/sign-in", code=await code_of(world, someone))).url.path == "/account"


async def test_the_console_goes_on_where_it_was_meant_to(world: World) -> None:
    someone, _, _ = await with_codes(world)
    browser = world.browser()
    page = await browser.submit(
        await browser.get("/console/sign-in?next=/console/1/live"), "/sign-in", email=someone.email, password=PASSWORD
    )

    assert (await typed_code(world, browser, page, someone)).url.path == "/console/1/live"


async def test_a_visit_asks_too_and_goes_on(world: World, seller: Seller) -> None:
    someone, _, _ = await with_codes(world)
    browser = world.browser()
    page = await browser.sign_in(await browser.get(seller.url(seller.prepaid())), someone.email)
    assert "Type your code" in Page(page).text
    assert (await browser.get("/account")).url.path == "/account/sign-in"
    page = await browser.submit(page, "/sign-in", code="1")
    assert page.status_code == 422

    on = await typed_code(world, browser, page, someone)

    assert on.url.path.endswith("/method")
    answer = await world.answer(await browser.submit(await browser.add_card(on), "/confirm"))
    assert answer["status"] == "SC"
    agreed = await browser.get(f"/account/authorizations/{answer['prepaidInstrumentID']}/agreed")
    assert "by a code of your app" in Page(agreed).text


async def test_a_code_counts_once_also_when_two_come_at_once(world: World) -> None:
    someone = await person(world)
    await with_app(world, someone)
    code = await code_of(world, someone)

    async def enters() -> bool:
        browser, page = await asked_for_code(world, someone)
        return (await browser.submit(page, "/sign-in", code=code)).url.path == "/account"

    assert sorted(await asyncio.gather(enters(), enters())) == [False, True]
    assert not await enters()


@pytest.mark.parametrize(("minutes", "good"), [(-0.5, True), (0.5, True), (-1, False), (1, False)])
async def test_a_clock_may_be_half_a_minute_off(world: World, minutes: float, good: bool) -> None:
    someone = await person(world)
    browser = await signed_in(world, someone, "/account/sign-in")
    page = await browser.get(SECOND_FACTOR)

    done = await browser.submit(page, "/second-factor", code=shown_by_app(world, page, minutes))

    assert (done.status_code == 200) is good
    assert bool(codes_in(done)) is good
    if not good:
        assert "This is not the code of your app." in Page(done).text
        again = await browser.submit(done, "/second-factor", code=shown_by_app(world, page))  # it is the same key still
        assert codes_in(again)


async def test_the_code_that_set_it_up_signs_nobody_in(world: World) -> None:
    someone = await person(world)
    first = await signed_in(world, someone, "/account/sign-in")
    page = await first.get(SECOND_FACTOR)
    code = shown_by_app(world, page)
    await first.submit(page, "/second-factor", code=code)

    browser, asking = await asked_for_code(world, someone)

    assert (await browser.submit(asking, "/sign-in", code=code)).status_code == 422


async def test_recovery_codes_count_once_each_and_new_ones_end_them(world: World) -> None:
    someone, browser, codes = await with_codes(world)
    assert len(set(codes)) == second_factor.RECOVERY_CODES

    async def enters(code: str) -> bool:
        other, page = await asked_for_code(world, someone)
        return (await other.submit(page, "/sign-in", code=code)).url.path == "/account"

    typed = codes[0].upper().replace("-", " ")
    assert sorted(await asyncio.gather(enters(typed), enters(typed))) == [False, True]
    assert "You have 9 recovery codes left." in Page(await browser.get("/account/security")).text
    renewed = codes_in(await browser.submit(await browser.get(SECOND_FACTOR), "/recovery-codes"))
    assert len(renewed) == second_factor.RECOVERY_CODES
    assert not await enters(codes[1])
    assert await enters(renewed[0])
    kept = await world.rows("SELECT digest FROM recovery_code WHERE party_id = $1", someone.party_id)
    assert not {row["digest"] for row in kept} & {code.encode() for code in renewed}


async def test_few_guesses_and_the_owners_own_browser_is_not_held_up(world: World) -> None:
    someone, browser, _ = await with_codes(world)
    stranger, page = await asked_for_code(world, someone)
    for _ in range(10):
        page = await stranger.submit(page, "/sign-in", code="000000")

    assert (await stranger.submit(page, "/sign-in", code=await code_of(world, someone))).status_code == 422
    await browser.submit(await browser.get("/account"), "/sign-out")
    own = await browser.sign_in(await browser.get("/account/sign-in"), someone.email)
    assert (await typed_code(world, browser, own, someone)).url.path == "/account"
    world.clock.ahead = timedelta(hours=1, seconds=1)
    stranger, page = await asked_for_code(world, someone)
    assert (await stranger.submit(page, "/sign-in", code=await code_of(world, someone))).url.path == "/account"


async def test_many_known_browsers_give_few_more_guesses(world: World) -> None:
    """Whoever had the password before there was an app, or has the mailbox now, can make as many as they like."""
    someone = await person(world)
    known = [await signed_in(world, someone, "/account/sign-in") for _ in range(3)]
    await with_app(world, someone)
    pages = []
    for browser in known:
        await browser.submit(await browser.get("/account"), "/sign-out")
        pages.append(await browser.sign_in(await browser.get("/account/sign-in"), someone.email))
    for browser, page in zip(known[:2], pages, strict=False):
        for _ in range(10):
            assert (await browser.submit(page, "/sign-in", code="000000")).status_code == 422

    refused = await known[2].submit(pages[2], "/sign-in", code=await code_of(world, someone))
    assert refused.status_code == 422
    world.clock.ahead = timedelta(hours=1, seconds=1)
    page = await known[2].sign_in(await known[2].get("/account/sign-in"), someone.email)

    assert (await typed_code(world, known[2], page, someone)).url.path == "/account"


async def test_the_step_between_ends_soon_and_with_the_password(world: World) -> None:
    someone, own, _ = await with_codes(world)
    browser, page = await asked_for_code(world, someone)
    world.clock.ahead = timedelta(minutes=11)
    late = await browser.submit(page, "/sign-in", code=await code_of(world, someone))
    assert "That took too long." in Page(late).text

    browser, page = await asked_for_code(world, someone)
    await own.submit(await own.get("/account/security"), "/security/sign-out")
    ended = await browser.submit(page, "/sign-in", code=await code_of(world, someone))
    assert "That took too long." in Page(ended).text
    forged = await browser.submit(page, "/sign-in", code=await code_of(world, someone), ticket="AAAA")
    assert forged.status_code == 422
    assert (await browser.get("/account")).url.path == "/account/sign-in"


async def test_a_code_proves_it_again_and_the_password_does_not(world: World) -> None:
    someone, browser, _ = await with_codes(world)
    world.clock.ahead = timedelta(minutes=16)
    page = await browser.submit(await browser.get(SECOND_FACTOR), "/remove")
    assert "_proof_password" not in page.text

    by_password = await browser.submit(page, "/remove", _proof_password=PASSWORD)
    assert by_password.status_code == 422
    removed = await browser.submit(by_password, "/remove", _proof_code=await code_of(world, someone))

    assert "The app is removed." in Page(removed).text
    other = await signed_in(world, someone, "/account/sign-in")
    assert (await other.get("/account")).url.path == "/account"
    assert "no longer asked for" in (await world.mailed(someone.email)).subject


async def test_a_session_from_before_the_app_cannot_remove_it(world: World) -> None:
    someone = await person(world)
    older = await signed_in(world, someone, "/account/sign-in")
    fields = Page(await older.get("/account/security")).form("/security/sign-out").fields
    await with_app(world, someone)

    for deed in ("remove", "recovery-codes"):
        page = await older.post(f"{SECOND_FACTOR}/{deed}", fields)
        assert "_proof_code" in Page(page).form(f"/{deed}").fields
        assert (await older.submit(page, f"/{deed}", _proof_password=PASSWORD)).status_code == 422
    assert await second_factor.is_enrolled(world.service, someone)
    page = await older.get(SECOND_FACTOR)
    assert "You signed in with your password alone." in Page(page).text
    on = await older.submit(page, "/account/prove", code=await code_of(world, someone))
    assert "Make new recovery codes" in Page(on).text


async def test_a_new_password_by_mail_leaves_the_app(world: World) -> None:
    someone, _, _ = await with_codes(world)
    await world.pool.execute("UPDATE party SET email_verified_at = now() WHERE party_id = $1", someone.party_id)
    await password_reset.ask(world.service, someone.email, None, "/account")
    browser = world.browser()
    page = await browser.get(await world.mailed_link(someone.email))
    await browser.submit(page, "/reset", password=PASSWORD)

    await asked_for_code(world, someone)


async def test_who_takes_an_unproved_account_over_is_asked_for_no_code(world: World) -> None:
    """Somebody else may have opened it, and set an app up."""
    someone, _, _ = await with_codes(world)
    await password_reset.ask(world.service, someone.email, None, "/account")
    browser = world.browser()
    await browser.submit(await browser.get(await world.mailed_link(someone.email)), "/reset", password=PASSWORD)

    page = await browser.sign_in(await browser.get("/account/sign-in"), someone.email)

    assert page.url.path == "/account"


async def test_a_passkey_asks_for_no_code(world: World) -> None:
    someone = await person(world)
    service = world.configured(public_url=ORIGIN)
    browser, device = world.browser(service), Authenticator(ORIGIN)
    await browser.sign_in(await browser.get("/account/sign-in"), someone.email)
    page = await browser.get("/account/security/passkey")
    await browser.submit(page, "/passkey", passkey=device.make(asked(page)), name="Phone")
    await with_app(world, someone)

    other = world.browser(service)
    page = await other.get("/account/sign-in")

    assert (await other.submit(page, "/sign-in", passkey=device.sign(asked(page)))).url.path == "/account"


async def test_an_app_waits_for_the_address_where_letters_are_sent(world: World) -> None:
    someone = await person(world)
    signed = await signed_in(world, someone, "/account/sign-in")
    page = await signed.get(SECOND_FACTOR)
    browser = world.browser(world.configured(smtp_url="smtp://localhost:25"))
    browser.http.cookies = signed.http.cookies

    assert "Confirm your e-mail address first" in Page(await browser.get(SECOND_FACTOR)).text
    refused = await browser.submit(page, "/second-factor", code=shown_by_app(world, page))

    assert refused.status_code == 422
    assert not await second_factor.is_enrolled(world.service, someone)


async def test_the_key_of_one_account_is_of_no_use_to_another(world: World) -> None:
    someone, other = await person(world), await person(world)
    page = await (await signed_in(world, someone, "/account/sign-in")).get(SECOND_FACTOR)
    setup = Page(page).form("/second-factor").fields["setup"]
    browser = await signed_in(world, other, "/account/sign-in")
    own = await browser.get(SECOND_FACTOR)

    for sealed in (setup, "", "AAAA", "é"):
        refused = await browser.submit(own, "/second-factor", setup=sealed, code=shown_by_app(world, page))
        assert refused.status_code == 422
    world.clock.ahead = timedelta(minutes=10)
    late = timedelta(minutes=25)
    world.clock.ahead += late
    expired = await browser.submit(own, "/second-factor", code=shown_by_app(world, own))
    asked_again = await browser.submit(expired, "/second-factor", _proof_password=PASSWORD)
    assert "This page was open for too long." in Page(asked_again).text
    assert not await second_factor.is_enrolled(world.service, other)
