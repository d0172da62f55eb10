"""Signing in, forgotten passwords, proved addresses, and what is shown where something is wrong."""

from __future__ import annotations

from tests.stories.pages.people import person, shown_by_app, signed_in
from tests.stories.pages.rooms.room import SHORT, Showroom
from tests.stories.pages.world import PASSWORD


async def entrances(room: Showroom) -> None:
    """Signing in, forgotten passwords, proved addresses, and what is shown where something is wrong."""
    browser, someone = room.world.browser(), await person(room.world)
    at = await room.look(browser, "GET /account/sign-in", "/account/sign-in")
    wrong = await browser.submit(at, "/sign-in", email=someone.email, password=SHORT)
    room.keep("POST /account/sign-in", wrong, "wrong", status=422)
    await room.look(browser, "GET /console/sign-in", "/console/sign-in")
    await _second_factor(room)
    forgotten = await room.look(browser, "GET /account/forgotten", "/account/forgotten")
    sent = await browser.submit(forgotten, "/forgotten", email=someone.email)
    room.keep("POST /account/forgotten", sent, "sent")
    link = await room.world.mailed_link(someone.email)
    reset = await room.look(browser, "GET /account/reset", link)
    wrong = await browser.submit(reset, "/reset", password=SHORT)
    room.keep("POST /account/reset", wrong, "wrong", status=422)
    room.keep("POST /account/reset", await browser.submit(reset, "/reset", password=PASSWORD), "done")
    room.keep("GET /account/reset", await browser.get(link), "spent", status=410)
    another = await person(room.world)
    member = await signed_in(room.world, another, "/account/sign-in")
    security = await member.get("/account/security")
    wrong = await member.submit(security, "/address", code="0")
    room.keep("POST /account/security/address", wrong, "wrong", status=422)
    await member.submit(security, "/address", again="yes")
    link = await room.world.mailed_link(another.email)
    await room.look(member, "GET /account/verify", link)
    room.keep("POST /account/verify", await member.submit(await member.get(link), "/verify"), "done")
    room.keep("POST /sign-out", await member.submit(await member.get("/account"), "/sign-out"))
    room.keep("GET /nowhere", await browser.get("/nowhere"), "nothing", status=404)
    room.keep("GET /nowhere", await browser.get("/acount"), "nearly", status=404)
    room.keep("GET /", await browser.http.get("/", headers={"accept": "text/html"}))
    broken = await browser.get(f"{room.seller.url(room.seller.prepaid())}x")
    room.keep("GET /cobranded-ui/actions/start", broken, "broken", status=broken.status_code)
    room.keep("POST /account/sign-in", await browser.http.post("/account/sign-in"), "forged", status=403)


async def _second_factor(room: Showroom) -> None:
    """An authenticator app: set up by somebody, and asked for at their next sign-in."""
    someone = await person(room.world)
    member, path = await signed_in(room.world, someone, "/account/sign-in"), "/account/security/second-factor"
    page = await member.get(path)
    wrong = await member.submit(page, "/second-factor", code="1")
    room.keep(f"POST {path}", wrong, "wrong", status=422)
    done = await member.submit(page, "/second-factor", code=shown_by_app(room.world, page))
    room.keep(f"POST {path}", done, "codes")
    await room.look(member, f"GET {path}", path, "set up")
    await room.look(member, "GET /account/security", "/account/security", "with an app")
    browser = room.world.browser()
    asked = await browser.sign_in(await browser.get("/account/sign-in"), someone.email)
    room.keep("POST /account/sign-in", asked, "code")
    wrong = await browser.submit(asked, "/sign-in", code="1")
    room.keep("POST /account/sign-in", wrong, "wrong code", status=422)
