"""Passkeys that are refused, and the list of browsers on which somebody is signed in."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import webauthn
from tests.stories.pages.authenticator import PRESENT, VERIFIED, Authenticator, asked, bytes_of, text_of
from tests.stories.pages.people import person
from tests.stories.pages.world import PASSWORD, Browser, Page, World
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import UserVerificationRequirement

from tallystick.services.context import Service
from tallystick.services.identity import challenges, passkeys
from tallystick.store.accounts.parties import Party

ORIGIN = "http://localhost:8400"


def named(world: World) -> Service:
    """The service as it is where browsers reach it by a name: passkeys are bound to one."""
    return world.configured(public_url=ORIGIN)


async def signed_in(world: World, someone: Party, agent: str = "Firefox/140.0 Linux") -> Browser:
    browser = world.browser_of(world.shared_pages(public_url=ORIGIN))
    browser.http.headers["user-agent"] = agent
    page = await browser.get("/account/sign-in")
    await browser.submit(page, "/sign-in", email=someone.email, password=PASSWORD)
    return browser


async def with_passkey(world: World) -> tuple[Party, Authenticator]:
    someone = await person(world)
    browser, device = await signed_in(world, someone), Authenticator(ORIGIN)
    page = await browser.get("/account/security/passkey")
    added = await browser.submit(page, "/passkey", passkey=device.make(asked(page)), name="Ann's phone")
    assert "The passkey is added." in Page(added).text
    return someone, device


async def enters(world: World, answer: str, browser: Browser | None = None) -> bool:
    browser = browser or world.browser_of(world.shared_pages(public_url=ORIGIN))
    page = await browser.get("/account/sign-in")
    done = await browser.submit(page, "/sign-in", passkey=answer)
    assert done.url.path in {"/account", "/account/sign-in"}
    return done.url.path == "/account"


async def options(world: World) -> dict[str, object]:
    return asked(await world.browser_of(world.shared_pages(public_url=ORIGIN)).get("/account/sign-in"))


async def test_a_sign_in_page_asks_for_passkeys_in_the_library_s_words(world: World) -> None:
    ours = passkeys.sign_in_options(named(world))
    assert ours is not None
    theirs = webauthn.generate_authentication_options(
        rp_id="localhost",
        challenge=bytes_of(ours["challenge"]),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    assert ours == options_to_json_dict(theirs)


async def test_browsers_are_named_in_the_language_of_the_page(world: World) -> None:
    browser, device = await signed_in(world, await person(world)), Authenticator(ORIGIN)
    for language, name in (("de", "Firefox auf Linux"), ("ar", "\u2068Firefox\u2069 على \u2068Linux\u2069")):
        assert name in (await browser.get(f"/account/security?lang={language}")).text

    page = await browser.get("/account/security/passkey")
    assert Page(page).form("/passkey").fields["name"] == "Firefox على Linux"
    added = await browser.submit(page, "/passkey", passkey=device.make(asked(page)))
    assert added.url.query == b"added"


async def test_a_passkey_signs_in_and_each_answer_counts_once(world: World) -> None:
    someone, device = await with_passkey(world)
    answer = device.sign(await options(world))

    both = await asyncio.gather(*(enters(world, answer) for _ in range(2)))

    assert sorted(both) == [False, True]
    assert not await enters(world, answer)
    assert await enters(world, device.sign(await options(world)))
    (kept,) = await world.rows("SELECT name, sign_count FROM passkey WHERE party_id = $1", someone.party_id)
    assert kept == {"name": "Ann's phone", "sign_count": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "http://evil.example"},
        {"host": "evil.example"},
        {"flags": PRESENT},  # nobody was asked for a finger or a PIN
        {"flags": VERIFIED},
        {"count": -1},  # a copy of the device, left behind
        {"credential_id": b"somebody else's"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_an_answer_that_is_not_quite_right_is_refused(world: World, change: dict[str, object]) -> None:
    _, device = await with_passkey(world)
    assert await enters(world, device.sign(await options(world)))

    assert not await enters(world, replace(device, **change).sign(await options(world)))  # type: ignore[arg-type]
    assert await enters(world, replace(device, count=5).sign(await options(world)))


async def test_only_fresh_challenges_of_ours_for_this_purpose_count(world: World) -> None:
    someone, device = await with_passkey(world)
    browser = await signed_in(world, someone)
    for_adding = asked(await browser.get("/account/security/passkey"))
    forged = text_of(bytes_of(str(for_adding["challenge"]))[:-1] + b"x")
    ours = challenges.make(named(world), "sign in")
    old = {"challenge": text_of(ours)}

    for challenge in (for_adding, {"challenge": forged}, {"challenge": ""}, {"challenge": text_of(b"short")}):
        assert not await enters(world, device.sign(challenge))
    world.clock.ahead = challenges.LIFE
    assert not await enters(world, device.sign(old))


@pytest.mark.parametrize("answer", ["{}", "[]", "no json", '{"id": 1}', "x" * 30_000, '{"id":"","response":{}}'])
async def test_what_is_no_answer_at_all_is_refused(world: World, answer: str) -> None:
    assert not await enters(world, answer)
    someone, _ = await with_passkey(world)
    browser = await signed_in(world, someone)
    page = await browser.get("/account/security/passkey")
    assert (await browser.submit(page, "/passkey", passkey=answer, name="x")).status_code == 422


async def test_a_damaged_signature_is_refused(world: World) -> None:
    _, device = await with_passkey(world)
    answer = json.loads(device.sign(await options(world)))
    signature = bytearray(bytes_of(answer["response"]["signature"]))
    signature[-1] ^= 1
    answer["response"]["signature"] = text_of(bytes(signature))
    assert not await enters(world, json.dumps(answer))


async def test_a_passkey_of_somebody_else_does_not_prove_who_one_is(world: World) -> None:
    _, device = await with_passkey(world)
    other = await person(world)
    browser = await signed_in(world, other)
    world.clock.ahead = timedelta(minutes=16)
    page = await browser.get("/account/security/passkey")
    assert page.url.path == "/account/prove"

    refused = await browser.submit(page, "/prove", passkey=device.sign(asked(page)))

    assert refused.status_code == 422
    assert "This passkey belongs to another account." in Page(refused).text
    on = await browser.submit(refused, "/prove", password=PASSWORD)
    assert on.url.path == "/account/security/passkey"


async def test_how_one_signs_in_is_changed_only_by_who_proved_it_lately(world: World) -> None:
    someone, device = await with_passkey(world)
    browser = await signed_in(world, someone)
    adding = await browser.get("/account/security/passkey")
    security = await browser.get("/account/security")
    world.clock.ahead = timedelta(minutes=16)

    second = Authenticator(ORIGIN)
    late = await browser.submit(adding, "/passkey", passkey=second.make(asked(adding)), name="Late")
    removing = await browser.submit(security, "/passkey/remove")
    assert all("Nothing is done yet." in Page(page).text for page in (late, removing))
    names = await world.rows("SELECT name FROM passkey WHERE party_id = $1", someone.party_id)
    assert names == [{"name": "Ann's phone"}]

    removed = await browser.submit(removing, "/passkey/remove", _proof_passkey=device.sign(asked(removing)))
    assert "The passkey is removed." in Page(removed).text
    assert not await enters(world, device.sign(await options(world)))
    added = await browser.submit(late, "/passkey", _proof_password=PASSWORD)
    assert "The passkey is added." in Page(added).text
    assert await enters(world, second.sign(await options(world)))


async def test_nobody_removes_the_passkey_of_somebody_else(world: World) -> None:
    someone, device = await with_passkey(world)
    other, _ = await with_passkey(world)
    browser = await signed_in(world, other)
    page = await browser.get("/account/security")
    await browser.submit(page, "/passkey/remove", id=text_of(device.credential_id))

    assert len(await world.rows("SELECT 1 FROM passkey WHERE party_id = $1", someone.party_id)) == 1


async def test_a_passkey_is_registered_once_and_there_are_not_too_many(world: World) -> None:
    someone, device = await with_passkey(world)
    browser = await signed_in(world, someone)
    page = await browser.get("/account/security/passkey")
    assert [one["id"] for one in asked(page)["excludeCredentials"]] == [text_of(device.credential_id)]
    again = await browser.submit(page, "/passkey", passkey=device.make(asked(page)), name="Twice")
    assert again.status_code == 422

    for number in range(passkeys.MAX_PASSKEYS - 1):
        page = await browser.get("/account/security/passkey")
        made = Authenticator(ORIGIN).make(asked(page))
        await browser.submit(page, "/passkey", passkey=made, name=f"Device {number}")
    page = await browser.get("/account/security/passkey")
    full = await browser.submit(page, "/passkey", passkey=Authenticator(ORIGIN).make(asked(page)), name="One more")
    assert "Remove one that you no longer use first." in Page(full).text


async def test_where_the_service_is_reached_by_a_number_there_are_no_passkeys(world: World) -> None:
    someone = await person(world)
    browser = world.browser()
    page = await browser.get("/account/sign-in")
    assert "passkey" not in page.text
    security = await browser.submit(page, "/sign-in", email=someone.email, password=PASSWORD)
    assert (await browser.get("/account/security/passkey")).url.path == "/account/security"
    assert "Passkeys need a host name" in Page(await browser.get("/account/security")).text
    assert (await browser.submit(page, "/sign-in", passkey="{}")).status_code == 422
    assert security.url.path == "/account"


async def test_programs_that_keep_passwords_find_where_to_change_one(world: World) -> None:
    known = "/.well-known/change-password"
    stranger = await world.browser().get(known)
    assert stranger.url.path == "/account/sign-in"
    assert Page(stranger).form("/sign-in").fields["next"] == "/account/security"

    page = await (await signed_in(world, await person(world))).get(known)

    assert "Change your password" in Page(page).text


async def test_sessions_are_listed_and_ended_one_by_one(world: World) -> None:
    someone = await person(world)
    here = await signed_in(world, someone)
    phone = await signed_in(world, someone, "Mozilla/5.0 (iPhone) Version/19 Safari/604")
    world.clock.ahead = timedelta(minutes=5)
    await phone.get("/account")

    listed = await here.get("/account/security")
    text = Page(listed).text
    assert "Firefox on Linux this browser" in text
    assert "Safari on iPhone" in text
    assert text.count("Last seen on") == 1
    ended = await here.submit(listed, "/security/session")

    assert "That browser is signed out." in Page(ended).text
    assert (await phone.get("/account")).url.path == "/account/sign-in"
    assert (await here.get("/account")).url.path == "/account"
    assert "Safari on iPhone" not in Page(ended).text


async def test_nobody_ends_the_session_of_somebody_else(world: World) -> None:
    someone, other = await person(world), await person(world)
    theirs = await signed_in(world, someone)
    (row,) = await world.rows("SELECT session_key FROM web_session WHERE party_id = $1", someone.party_id)
    browser, second = await signed_in(world, other), await signed_in(world, other)
    await browser.submit(await browser.get("/account/security"), "/security/session", key=row["session_key"])

    assert (await theirs.get("/account")).url.path == "/account"
    assert (await second.get("/account")).url.path == "/account"


async def test_signing_out_everywhere_empties_the_list(world: World) -> None:
    someone = await person(world)
    here, elsewhere = await signed_in(world, someone), await signed_in(world, someone)
    await here.submit(await here.get("/account/security"), "/security/sign-out")

    assert (await elsewhere.get("/account")).url.path == "/account/sign-in"
    assert await world.rows("SELECT 1 FROM web_session WHERE party_id = $1", someone.party_id) == []
