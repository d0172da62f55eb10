"""People with accounts, some of them staff or operators, and browsers on which they are signed in."""

from __future__ import annotations

import secrets

from tests.stories.pages.world import PASSWORD, Browser, Seller, World

from tallystick.services.identity.password_hashing import of_process
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import parties, staff
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
    """Somebody who runs the service."""
    someone = await person(world, "Ann Operator")
    await staff.add_operator(world.pool, someone.party_id, world.clock())
    return someone


async def signed_in(world: World, someone: Party, at: str = "/console/sign-in") -> Browser:
    """A browser on which somebody has signed in."""
    browser = world.browser()
    await browser.submit(await browser.get(at), "/sign-in", email=someone.email, password=PASSWORD)
    return browser


async def at_work(world: World, seller: Seller, role: StaffRole = StaffRole.OWNER) -> Browser:
    """A browser of somebody new on a seller's staff."""
    return await signed_in(world, await employee(world, seller, role))


def console(seller: Seller, *parts: str, environment: str = "sandbox") -> str:
    """The address of a page of a seller's console."""
    return "/".join(["/console", str(seller.party.party_id), environment, *parts])
