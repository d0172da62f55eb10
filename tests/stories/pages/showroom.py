"""Every page of the service with something on it, as it is sent: for tests that look at all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.stories.pages.people import employee, operator, person, signed_in
from tests.stories.pages.rooms import desk, entrances, money, providers, visits
from tests.stories.pages.rooms.done import asked_for, done_by_staff, done_by_the_operator
from tests.stories.pages.rooms.room import NOT_PAGES, Shown, Showroom
from tests.stories.pages.world import World
from tests.stories.pictures import png

from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import branding, logos
from tallystick.store.accounts.branding import Branding
from tallystick.store.accounts.logos import Logo
from tallystick.store.records import outbox

__all__ = ["NOT_PAGES", "Shown", "all_pages", "asked_for", "links_of"]


async def all_pages(world: World) -> list[Shown]:
    """Every page that there is, most of them in several states."""
    seller = await world.seller("Backbeat Records")
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
        await branding.save(
            connection,
            seller.party.party_id,
            Branding("Backbeat", "#b31b4e", "https://shop.example/help"),
            world.clock(),
        )
        await logos.save(connection, seller.party.party_id, Logo("image/png", png(215, 40)), world.clock())
    room = Showroom(world, seller)
    ids = await visits.hosted(room)
    await entrances.entrances(room)
    await providers.providers(room)
    await money.in_every_state(room)
    ids |= await done_by_staff(world, seller)
    ids |= await done_by_the_operator(world, seller)
    await desk.desk(room, ids)
    await desk.invited(room)
    await _office(room, ids)
    employed = await signed_in(world, await employee(world, seller, StaffRole.VIEWER))
    room.keep("GET /console", await employed.get("/console"), "the only business")
    several = await person(world, "Ann Employee")
    for other in (seller, await world.seller("Second Shop")):
        await world.pool.execute(
            "INSERT INTO staff (business_id, person_id, role, added_at) VALUES ($1, $2, 'owner', $3)",
            other.party.party_id,
            several.party_id,
            world.clock(),
        )
    room.keep("GET /console", await (await signed_in(world, several)).get("/console"), "which")
    await world.rail_answers()
    return room.shown


async def _office(room: Showroom, ids: Mapping[str, str]) -> None:
    """The operator's pages."""
    browser = await signed_in(room.world, await operator(room.world))
    await room.every("/admin", browser, ids, without={"GET /admin/rails/end"})  # of one order: rooms/money.py
    await room.look(browser, "GET /admin/accounts", "/admin/accounts?text=nobody-has-this-name", "nobody")


def links_of(shown: Shown) -> list[str]:
    """Everything that a browser loads by itself for this page."""
    return re.findall(r'<(?:link|script|img|iframe)\b[^>]*?\b(?:href|src)="([^"]*)"', shown.response.text)
