"""People with accounts, some of them staff or operators, and browsers on which they are signed in."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import httpx
import pyotp
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World
from tests.support.master_key import VAULT

from tallystick.services.identity.password_hashing import of_process
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import parties, second_factors, staff
from tallystick.store.accounts.parties import Party


async def person(world: World, name: str = "Ann Person") -> Party:
    """Somebody with an account, PASSWORD and nothing else."""
    email = f"{secrets.token_hex(6)}@people.example"
    password_hash = await of_process().hash(PASSWORD)
    async with world.pool.acquire() as connection:
        return await parties.create_personal(connection, email, name, password_hash, world.clock())


async def employee(world: World, seller: Seller, role: StaffRole) -> Party:
    """Somebody of a seller's staff."""
    someone = await person(world, f"Ann {role.capitalize()}")
    await staff.add(world.pool, seller.party.party_id, someone.party_id, role, world.clock())
    return someone


async def operator(world: World) -> Party:
    """Somebody who runs the service, with the authenticator app that this takes."""
    someone = await person(world, "Ann Operator")
    await runs_the_service(world, someone)
    return someone


async def runs_the_service(world: World, someone: Party) -> None:
    """Make somebody an operator, with an app."""
    await staff.add_operator(world.pool, someone.party_id, world.clock())
    await with_app(world, someone)


async def with_app(world: World, someone: Party) -> None:
    """Give somebody an authenticator app, whose codes are asked for from now on."""
    sealed = VAULT.seal(pyotp.random_base32().encode(), second_factors.seal_context(someone.party_id))
    async with world.pool.acquire() as connection:
        await second_factors.add(connection, someone.party_id, sealed, 0, [], world.clock())


async def code_of(world: World, someone: Party) -> str:
    """What somebody's app shows, as if none of its codes had been used: a test's half minute has room for one."""
    await world.pool.execute("UPDATE second_factor SET last_step = 0 WHERE party_id = $1", someone.party_id)
    known = await second_factors.find(world.pool, someone.party_id)
    assert known is not None
    secret = VAULT.open(known.secret_sealed, second_factors.seal_context(someone.party_id)).decode()
    return pyotp.TOTP(secret).at(world.clock())


async def signed_in(
    world: World, someone: Party, at: str = "/console/sign-in", *, browser: Browser | None = None
) -> Browser:
    """A browser on which somebody has signed in, a fresh one unless another is given."""
    browser = browser or world.browser()
    page = await browser.submit(await browser.get(at), "/sign-in", email=someone.email, password=PASSWORD)
    await typed_code(world, browser, page, someone)
    return browser


def shown_by_app(world: World, page: httpx.Response, minutes: float = 0) -> str:
    """The code that an app shows which was given the key of the page."""
    found = re.search(r'<code class="key" dir="ltr">([A-Z2-7 ]+)</code>', page.text)
    assert found is not None
    return pyotp.TOTP(found[1].replace(" ", "")).at(world.clock() + timedelta(minutes=minutes))


async def typed_code(world: World, browser: Browser, page: httpx.Response, someone: Party) -> httpx.Response:
    """Where a code is asked for after the password: what follows it; else the page itself."""
    if not any("ticket" in form.fields for form in Page(page).forms):
        return page
    return await browser.submit(page, "/sign-in", code=await code_of(world, someone))


async def at_work(world: World, seller: Seller, role: StaffRole = StaffRole.OWNER) -> Browser:
    """A browser of somebody new on a seller's staff."""
    return await signed_in(world, await employee(world, seller, role))


def console(seller: Seller, *parts: str, environment: str = "sandbox") -> str:
    """The address of a page of a seller's console."""
    return "/".join(["/console", str(seller.party.party_id), environment, *parts])
