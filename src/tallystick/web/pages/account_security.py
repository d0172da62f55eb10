"""Signing in to one's account without a visit, another password, signing out everywhere."""

from typing import Any, Final

from litestar import get, post
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.actions import sign_in
from tallystick.actions.form_errors import FormError
from tallystick.ledger import parties
from tallystick.web.pages.member import Member, for_member, own_path
from tallystick.web.pages.sessions import sign_browser_in, sign_browser_out
from tallystick.web.pages.shared import PageRequest, form_of, go, page, service_of, signed_in

SECURITY: Final = "/account/security"


@get("/account/sign-in")
async def show_sign_in(request: PageRequest) -> Response[Any]:
    """Ask who it is."""
    way_on = own_path(request.query_params.get("next", ""))
    if await signed_in(request) is not None:
        return go(way_on)
    return page("account_sign_in.html", next=way_on)


@post("/account/sign-in", status_code=HTTP_200_OK)
async def do_sign_in(request: PageRequest) -> Response[Any]:
    """Check e-mail address and password."""
    typed = await form_of(request)
    way_on = own_path(typed.get("next", ""))
    try:
        party = await sign_in.sign_in(service_of(request), typed.get("email", ""), typed.get("password", ""))
    except FormError as error:
        status = HTTP_422_UNPROCESSABLE_ENTITY
        return page("account_sign_in.html", status=status, next=way_on, typed=typed, problems=error.problems)
    sign_browser_in(request, party)
    return go(way_on)


@get(SECURITY)
async def show_security(request: PageRequest) -> Response[Any]:
    """Password and sessions."""

    async def step(member: Member) -> Response[Any]:
        done = "Your password is changed." if "changed" in request.query_params else None
        return member.page("account_security.html", narrow=True, done=done)

    return await for_member(request, step)


@post(f"{SECURITY}/password", status_code=HTTP_200_OK)
async def do_password(request: PageRequest) -> Response[Any]:
    """Another password; only this browser stays signed in."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        current, new = typed.get("current", ""), typed.get("password", "")
        try:
            party = await sign_in.change_password(member.service, member.party, current, new)
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return member.page("account_security.html", status=status, narrow=True, done=None, problems=error.problems)
        sign_browser_in(request, party)
        return go(f"{SECURITY}?changed")

    return await for_member(request, step)


@post(f"{SECURITY}/sign-out", status_code=HTTP_200_OK)
async def do_sign_out_everywhere(request: PageRequest) -> Response[Any]:
    """End all sessions, this one too."""

    async def step(member: Member) -> Response[Any]:
        await parties.sign_out_everywhere(member.service.pool, member.party.party_id)
        sign_browser_out(request)
        return page("signed_out.html", everywhere=True)

    return await for_member(request, step)


security_routes = [show_sign_in, do_sign_in, show_security, do_password, do_sign_out_everywhere]
