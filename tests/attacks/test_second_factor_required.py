"""Somebody found out the password of an operator, or of an owner: it opens no page of theirs by itself."""

from __future__ import annotations

import pytest
from tests.stories.pages.access_table import ENTRIES, Who, filled
from tests.stories.pages.account.test_second_factor import SECOND_FACTOR
from tests.stories.pages.authenticator import Authenticator, asked
from tests.stories.pages.common.test_access_table import somebody_elses
from tests.stories.pages.people import console, employee, operator, person, shown_by_app, signed_in
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.identity import password_reset, second_factor
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import staff
from tallystick.store.accounts.parties import Party

ORIGIN = "http://localhost:8400"
OF_OPERATORS = [route for route, entry in ENTRIES.items() if entry.who is Who.OPERATOR]


async def new_operator(world: World) -> Party:
    """Somebody who runs the service, and has nothing but a password so far."""
    someone = await person(world, "Ann Beginner")
    await staff.add_operator(world.pool, someone.party_id, world.clock())
    return someone


async def test_a_password_alone_opens_no_page_and_sends_no_form_of_the_operators(world: World, seller: Seller) -> None:
    browser, ids = await signed_in(world, await new_operator(world)), await somebody_elses(world)
    token = await browser.form_header()
    before = await world.rows("SELECT max(audit_id) FROM audit_entry")

    assert len(OF_OPERATORS) > 20
    for route in OF_OPERATORS:
        verb, path = route.split(" ")
        answer = await browser.http.request(verb, filled(path, seller, ids), headers=token)
        assert answer.status_code == 303, route
        assert answer.headers["location"].startswith(f"{SECOND_FACTOR}?next=/admin"), route
    assert await world.rows("SELECT max(audit_id) FROM audit_entry") == before


async def test_the_first_sign_in_sets_an_app_up_and_goes_on(world: World) -> None:
    someone = await new_operator(world)
    browser = world.browser()
    page = await browser.submit(await browser.get("/admin/rails"), "/sign-in", email=someone.email, password=PASSWORD)
    assert "Set up an app once" in Page(page).text

    done = await browser.submit(page, "/second-factor", code=shown_by_app(world, page))

    assert "/admin/rails" in Page(done).links
    assert (await browser.get("/admin/rails")).url.path == "/admin/rails"
    again = await signed_in(world, someone)
    assert (await again.get("/admin")).url.path == "/admin"


async def with_passkey_only(world: World) -> tuple[Party, Authenticator, Browser]:
    """An operator with a passkey, and a browser on which somebody signed in as them by the password."""
    someone, device = await new_operator(world), Authenticator(ORIGIN)
    service = world.configured(public_url=ORIGIN)
    own, thief = world.browser(service), world.browser(service)
    page = await own.get("/account/sign-in")
    await own.sign_in(page, someone.email)
    page = await own.get("/account/security/passkey")
    await own.submit(page, "/passkey", passkey=device.make(asked(page)), name="Key")
    assert (await own.get("/admin")).url.path == "/admin"
    await thief.sign_in(await thief.get("/account/sign-in"), someone.email)
    return someone, device, thief


async def test_beside_a_passkey_the_password_is_not_enough(world: World) -> None:
    someone, device, thief = await with_passkey_only(world)

    page = await thief.get("/admin")
    assert "To go on, use your passkey." in Page(page).text
    assert "password" not in Page(page).form("/prove").fields
    refused = await thief.submit(page, "/prove", password=PASSWORD)
    assert "To go on, use your passkey." in Page(refused).text

    on = await thief.submit(page, "/prove", passkey=device.sign(asked(page)))
    assert on.url.path == "/admin"
    assert not await second_factor.is_enrolled(world.service, someone)


async def test_nor_does_it_add_or_remove_a_second_factor(world: World) -> None:
    someone, _, thief = await with_passkey_only(world)
    added = Authenticator(ORIGIN)
    page = await thief.get("/account/security/passkey")
    for answer in (
        await thief.submit(page, "/passkey", passkey=added.make(asked(page)), name="Mine"),
        await thief.submit(await thief.get("/account/security"), "/passkey/remove"),
        await thief.post(SECOND_FACTOR, Page(page).form("/passkey").fields | {"code": "000000", "setup": ""}),
    ):
        assert "To go on, use your passkey." in Page(answer).text

    names = await world.rows("SELECT name FROM passkey WHERE party_id = $1", someone.party_id)
    assert names == [{"name": "Key"}]


async def test_nor_does_the_mailbox(world: World) -> None:
    someone, _, _ = await with_passkey_only(world)
    await world.pool.execute("UPDATE party SET email_verified_at = now() WHERE party_id = $1", someone.party_id)
    await password_reset.ask(world.service, someone.email, None, "/admin")
    browser = world.browser(world.configured(public_url=ORIGIN))
    page = await browser.get(await world.mailed_link(someone.email))
    (row,) = await world.rows(
        "SELECT encode(credential_id, 'base64') AS id FROM passkey WHERE party_id = $1", someone.party_id
    )
    named = row["id"].rstrip("=").replace("+", "-").replace("/", "_")
    assert f"remove.{named}" not in page.text

    await browser.submit(page, "/reset", password=PASSWORD, **{f"remove.{named}": "yes"})
    await browser.sign_in(await browser.get("/account/sign-in"), someone.email)

    assert "To go on, use your passkey." in Page(await browser.get("/admin")).text


@pytest.mark.parametrize("role", list(StaffRole))
async def test_owners_need_one_where_the_setting_says_so(world: World, seller: Seller, role: StaffRole) -> None:
    someone = await employee(world, seller, role)
    signed = await signed_in(world, someone)
    browser = world.browser(world.configured(require_second_factor="owners"))
    browser.http.cookies = signed.http.cookies

    page = await browser.get(console(seller, "keys"))

    assert page.url.path == (SECOND_FACTOR if role is StaffRole.OWNER else console(seller, "keys"))


@pytest.mark.parametrize(("setting", "path"), [("nobody", "/admin"), ("owners", "/admin"), ("both", SECOND_FACTOR)])
async def test_of_whom_it_is_required_is_a_setting(world: World, setting: str, path: str) -> None:
    signed = await signed_in(world, await new_operator(world))
    browser = world.browser(world.configured(require_second_factor=setting))
    browser.http.cookies = signed.http.cookies

    assert (await browser.get("/admin")).url.path == path


async def test_the_machine_takes_a_lost_one_and_the_next_sign_in_sets_one_up(world: World) -> None:
    someone = await operator(world)
    browser = await signed_in(world, someone)
    assert (await browser.get("/admin")).url.path == "/admin"

    assert await second_factor.reset(world.service, Actor.command("root"), someone)
    assert not await second_factor.reset(world.service, Actor.command("root"), someone)

    assert (await browser.get("/admin")).url.path == "/console/sign-in"
    assert "Set up an app once" in Page(await (await signed_in(world, someone)).get("/admin")).text
    rows = await world.rows(
        "SELECT action, details FROM audit_entry WHERE subject = $1 AND action LIKE 'account.%'", someone.email
    )
    assert rows == [
        {
            "action": "account.second_factor_reset",
            "details": {"app": True, "passkeys": 0, "machine_user": "root"},
        }
    ]


async def test_a_new_password_keeps_what_the_session_took(world: World) -> None:
    someone = await operator(world)
    browser = await signed_in(world, someone)
    page = await browser.get("/account/security")

    changed = await browser.submit(page, "/password", current=PASSWORD, password="another shelf of old records")

    assert "Your password is changed." in Page(changed).text
    assert (await browser.get("/admin")).url.path == "/admin"
