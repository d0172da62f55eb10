"""An owner invites people, gives them roles and takes them away; the log knows who did it."""

from __future__ import annotations

import asyncio
import re
import secrets
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.people import at_work, console, employee, person, signed_in
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.operations.audit import Actor
from tallystick.services.seller import access_keys
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import staff
from tallystick.store.accounts.staff import LastOwnerError


async def invite(browser: Browser, seller: Seller, email: str, role: StaffRole = StaffRole.FINANCE) -> httpx.Response:
    page = await browser.get(console(seller, "staff"))
    return await browser.submit(page, "/staff", email=email, role=role)


def link(world: World, response: httpx.Response) -> str:
    """The path of the link that the page shows where no mail server is set up."""
    found = re.search(r'<pre class="code">([^<]+)</pre>', response.text)
    assert found is not None
    assert found[1].startswith(world.base_url)
    return found[1].removeprefix(world.base_url)


async def test_somebody_with_an_account_takes_up_an_invitation(world: World, seller: Seller) -> None:
    owner, friend = await at_work(world, seller), await person(world, "Flo Finance")
    shown = await invite(owner, seller, f" {friend.email.upper()} ")
    path = link(world, shown)
    letter = await world.mailed(friend.email)
    assert letter.subject == "Ann Owner invites you to Music Shop"
    assert letter.body is not None
    assert path in letter.body

    browser = world.browser()
    offer = await browser.get(path)
    assert "Ann Owner invites" in offer.text
    asked = await browser.get(next(one for one in Page(offer).links if "sign-in" in one))
    accepting = await browser.submit(asked, "/sign-in", email=friend.email, password=PASSWORD)
    home = await browser.submit(accepting, path)
    assert home.url.path == console(seller)
    assert "Flo Finance" in (await owner.get(console(seller, "staff"))).text
    assert (await browser.get(path)).status_code == 404  # it works once


async def test_somebody_without_an_account_opens_one_on_the_way(world: World, seller: Seller) -> None:
    owner, email = await at_work(world, seller), f"{secrets.token_hex(6)}@new.example"
    path = link(world, await invite(owner, seller, email, StaffRole.DEVELOPER))
    browser = world.browser()
    offer = await browser.get(path)
    weak = await browser.submit(offer, "/sign-up", name="Dee Developer", password="short")
    assert weak.status_code == 422
    assert "Use at least 12 characters." in weak.text
    home = await browser.submit(weak, "/sign-up", name="Dee Developer", password=PASSWORD)
    assert home.url.path == console(seller)
    assert "developer" in Page(home).text
    actions = [row["action"] for row in await world.rows("SELECT action FROM audit_entry ORDER BY audit_id")]
    assert actions[-2:] == ["staff.invite", "staff.join"]


async def test_an_invitation_is_for_its_address_alone(world: World, seller: Seller) -> None:
    owner, friend, other = await at_work(world, seller), await person(world), await person(world)
    path = link(world, await invite(owner, seller, friend.email))
    browser = await signed_in(world, other)
    assert "You are signed in as" in (await browser.get(path)).text
    refused = await browser.http.post(path, headers=await browser.form_header())
    assert refused.status_code == 409
    assert await staff.post_of(world.pool, seller.party.party_id, other.party_id) is None
    nobody = world.browser()
    again = await nobody.submit(await nobody.get(path), "/sign-up", name="Mallory", password=PASSWORD)
    assert again.status_code == 409
    assert "There is already an account with this address." in again.text


async def test_invitations_end_when_they_are_taken_back_replaced_or_old(world: World, seller: Seller) -> None:
    owner, email = await at_work(world, seller), f"{secrets.token_hex(6)}@new.example"
    first = link(world, await invite(owner, seller, email))
    second = link(world, await invite(owner, seller, email, StaffRole.VIEWER))
    browser = world.browser()
    assert [(await browser.get(path)).status_code for path in (first, second)] == [404, 200]
    world.clock.ahead = timedelta(days=7, minutes=1)
    assert (await browser.get(second)).status_code == 404
    world.clock.ahead = timedelta(0)

    page = await owner.get(console(seller, "staff"))
    gone = await owner.submit(page, "/uninvite")
    assert "The invitation is taken back." in gone.text
    assert email not in gone.text
    assert (await browser.get(second)).status_code == 404


@pytest.mark.parametrize(
    ("email", "role", "problem"),
    [
        ("nobody", StaffRole.VIEWER, "Type an e-mail address"),
        ("a@b.example", "boss", "Choose a role."),
    ],
)
async def test_what_is_typed_wrong_is_said_beside_it(
    world: World, seller: Seller, email: str, role: str, problem: str
) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller, "staff"))
    answer = await owner.submit(page, "/staff", email=email, role=role)
    assert answer.status_code == 422
    assert problem in answer.text
    assert await world.rows("SELECT FROM staff_invitation WHERE business_id = $1", seller.party.party_id) == []


async def test_another_role_counts_from_the_next_page_on(world: World, seller: Seller) -> None:
    owner, colleague = await at_work(world, seller), await employee(world, seller, StaffRole.VIEWER)
    browser = await signed_in(world, colleague)
    assert (await browser.get(console(seller, "keys"))).text.count("Make a key") == 0
    page = await owner.get(console(seller, "staff", str(colleague.party_id)))
    assert "The role is changed." in (await owner.submit(page, "/role", role="developer")).text
    assert "Make a key" in (await browser.get(console(seller, "keys"))).text

    page = await owner.get(console(seller, "staff", str(colleague.party_id)))
    assert "Removed." in (await owner.submit(page, "/remove")).text
    assert (await browser.get(console(seller))).status_code == 404


async def test_the_last_owner_stays(world: World, seller: Seller) -> None:
    boss = await employee(world, seller, StaffRole.OWNER)
    browser = await signed_in(world, boss)
    page = await browser.get(console(seller, "staff", str(boss.party_id)))
    for ending, typed in (("/role", {"role": "viewer"}), ("/remove", {})):
        refused = await browser.submit(page, ending, **typed)
        assert refused.status_code == 409
        assert "Make somebody else owner first." in refused.text
    await employee(world, seller, StaffRole.OWNER)
    gone = await browser.submit(page, "/remove")
    assert gone.url.path == "/console"
    assert "works for no seller here" in gone.text


async def test_two_owners_who_remove_each_other_at_once(world: World, seller: Seller) -> None:
    one, other = [await employee(world, seller, StaffRole.OWNER) for _ in range(2)]

    async def remove(whom: int) -> str:
        async with world.pool.acquire() as connection:
            try:
                await staff.remove(connection, seller.party.party_id, whom)  # type: ignore[arg-type]
            except LastOwnerError:
                return "stays"
        return "gone"

    assert sorted(await asyncio.gather(remove(one.party_id), remove(other.party_id))) == ["gone", "stays"]


async def test_a_business_with_a_password_of_its_own_is_its_own_owner(world: World) -> None:
    seller = await world.seller(signs_in=True)
    browser = await signed_in(world, seller.party)
    assert "The account itself" in (await browser.get(console(seller, "staff"))).text
    only = await employee(world, seller, StaffRole.OWNER)
    page = await browser.get(console(seller, "staff", str(only.party_id)))
    assert "Removed." in (await browser.submit(page, "/remove")).text


async def test_who_works_for_several_sellers_chooses(world: World, seller: Seller) -> None:
    other, someone = await world.seller("Book Shop"), await employee(world, seller, StaffRole.VIEWER)
    await staff.add(world.pool, other.party.party_id, someone.party_id, StaffRole.OWNER, world.clock())
    browser = await signed_in(world, someone)
    choice = Page(await browser.get("/console"))
    assert {console(seller), console(other)} <= set(choice.links)

    for one in (seller, other):
        page = Page(await browser.get(console(one, "activity")))
        assert "Change seller" in page.text
        assert "/console" in page.links
    at_one = Page(await (await at_work(world, seller)).get(console(seller)))
    assert "Change seller" not in at_one.text
    assert "/console" not in at_one.links


async def test_the_audit_log_says_who_did_what(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    email = f"{secrets.token_hex(6)}@new.example"
    await invite(owner, seller, email, StaffRole.VIEWER)
    other = await world.seller("Book Shop")
    await invite(await at_work(world, other), other, "elsewhere@new.example")

    key_id = seller.key.access_key_id
    await access_keys.revoke(world.service, Actor.program(key_id), seller.party.party_id, key_id)

    log = Page(await owner.get(console(seller, "audit")))
    assert f"Invited somebody: {email}" in log.text
    assert f"A program with {key_id}" in log.text
    assert "A command on the machine" not in log.text
    assert "elsewhere@new.example" not in log.text
    assert "Nothing fits" in (await owner.get(console(seller, "audit") + "?action=key.rotate")).text
    (actor,) = await world.rows(
        "SELECT actor_id FROM audit_entry WHERE business_id = $1 AND subject = $2", seller.party.party_id, email
    )
    assert email in (await owner.get(console(seller, "audit") + f"?who={actor['actor_id']}")).text
    assert email not in (await owner.get(console(seller, "audit") + "?who=1")).text
    assert email in (await owner.get(console(seller, "audit") + f"?who={'9' * 30}&before=x")).text


async def test_the_audit_log_has_pages(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    for number in range(45):
        await world.pool.execute(
            "INSERT INTO audit_entry (at, business_id, action, subject) VALUES ($1, $2, 'key.create', $3)",
            world.clock(),
            seller.party.party_id,
            f"subject-{number:02}",
        )
    first = Page(await owner.get(console(seller, "audit")))
    older = Page(await owner.get(next(one for one in first.links if "before=" in one)))
    seen = re.findall(r"subject-\d\d", first.text + older.text)
    assert seen == [f"subject-{number:02}" for number in reversed(range(45))]
    assert not any("before=" in one for one in older.links)
