"""The console: full, new, of live books that are not there, and refused."""

from __future__ import annotations

import re
import secrets

from tests.stories.pages.access_table import DESK, ENTRIES
from tests.stories.pages.people import at_work, console
from tests.stories.pages.rooms.room import NOT_PAGES, Showroom
from tests.stories.pages.world import Browser

from tallystick.services.seller.staff import StaffRole


async def desk(room: Showroom, ids: dict[str, str]) -> None:
    """The console: full, new, of live books that are not there, and refused."""
    owner = await at_work(room.world, room.seller)
    await room.every(DESK, owner, ids, without={f"GET {DESK}/debts/preview"})
    debt = ids["debt"]
    for route, path in (
        ("debts/preview", f"debts/preview?deed=settle&debt={debt}"),
        ("debts/preview", f"debts/preview?deed=write_off&debt={debt}"),
        ("activity", "activity?from=2020-01-01&status=Failure"),
        ("tools/requests", "tools/requests?action=Pay"),
        ("tools/requests", "tools/requests?face=query"),
        ("tools/requests", "tools/requests?endpoint=authorizations.create"),
        ("tools/buttons", "tools/buttons?kind=SetupPostpaid"),
        ("tools/clock", "tools/clock?count=40&unit=Day"),
        ("", "?period=hours"),
    ):
        at = f"{console(room.seller)}/{path}".replace("/?", "?")
        room.keep(f"GET {DESK}/{route}".rstrip("/"), await owner.get(at), path)
    new = await room.world.seller("Nothing Sold Yet")
    beginner = await at_work(room.world, new)
    for route in ENTRIES:
        verb, path = route.split(" ")
        if verb == "GET" and path.startswith(DESK) and path.count("{") == 2 and route not in NOT_PAGES:
            given = {"business": str(new.party.party_id)}
            for environment in ("sandbox",) if "/tools/" in path else ("sandbox", "live"):
                at = path.format(**given, environment=environment)
                room.keep(route, await beginner.get(at), f"new, {environment}")
    await _desk_mistakes(room, owner)


async def _desk_mistakes(room: Showroom, owner: Browser) -> None:
    viewer = await at_work(room.world, room.seller, StaffRole.VIEWER)
    refused = await viewer.get(console(room.seller, "tools", "clock"))
    room.keep(f"GET {DESK}/tools/clock", refused, "not your role", status=403)
    for path, ending, typed in (
        ("branding", "/branding", {"do": "save", "accent": "red-ish", "support": "nowhere", "name": "x" * 200}),
        ("staff", "/staff", {"email": "nobody"}),
        ("notifications/settings", "/settings", {"address": "nowhere", "url": "nowhere"}),
    ):
        page = await owner.get(f"{console(room.seller)}/{path}")
        room.keep(f"POST {DESK}/{path}", await owner.submit(page, ending, **typed), "wrong", status=422)
    form = await owner.get(console(room.seller, "webhooks", "new"))
    wrong = await owner.submit(form, "/webhooks", url="nowhere", uses="chosen", on_charge_failed="yes")
    room.keep(f"POST {DESK}/webhooks", wrong, "wrong", status=422)
    added = await owner.submit(form, "/webhooks", url="https://shop.example/events", uses="all")
    room.keep(f"POST {DESK}/webhooks", added, "added")
    form = await owner.get(console(room.seller, "keys", "new"))
    wrong = await owner.submit(form, "/keys", uses="chosen", networks="10.1.2.3/8")
    room.keep(f"POST {DESK}/keys", wrong, "wrong", status=422)
    doubted = room.world.browser(room.world.configured(step_up_minutes=0))
    doubted.http.cookies = owner.http.cookies
    asked = await doubted.submit(form, "/keys", uses="everything", name="Checkout")
    room.keep(f"POST {DESK}/keys", asked, "proof")
    made = await owner.submit(form, "/keys", uses="everything", name="Checkout")
    room.keep(f"POST {DESK}/keys", made, "made")


async def invited(room: Showroom) -> None:
    """An invitation, as it is sent and as it is seen by a stranger."""
    owner = await at_work(room.world, room.seller)
    staff = await owner.get(console(room.seller, "staff"))
    sent = await owner.submit(staff, "/staff", email=f"{secrets.token_hex(4)}@new.example", role="viewer")
    room.keep(f"POST {DESK}/staff", sent, "invited")
    found = re.search(r"/console/invitations/[A-Za-z0-9_-]+", sent.text)
    assert found is not None
    await room.look(room.world.browser(), "GET /console/invitations/{invitation}", found[0])
