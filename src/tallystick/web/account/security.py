"""The security page of an account: password, passkeys, sessions, verification of the e-mail address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.form_errors import FormError
from tallystick.services.identity import addresses, passkeys, second_factor, sign_in, web_sessions
from tallystick.services.identity.reauthentication import Means
from tallystick.web.account.entry import ask_for_proof, entry_routes
from tallystick.web.account.evidence import show_agreed
from tallystick.web.account.keyring import Keyring
from tallystick.web.account.member import Member, for_member
from tallystick.web.account.second_factor import needs_stronger, second_factor_routes
from tallystick.web.common.browser.sessions import (
    is_strong,
    renew_proof,
    session_name,
    sign_browser_in,
    sign_browser_out,
)
from tallystick.web.common.browser.signing_in import UNUSABLE, visitor_of
from tallystick.web.common.browser.step_up import SECOND_FACTOR, STEP_UP, stepped_up
from tallystick.web.common.browser.visitors import device, user_agent
from tallystick.web.common.shared import PageRequest, form_of, go, page
from tallystick.words import gettext as _
from tallystick.words import marked

SECURITY: Final = passkeys.SECURITY_PATH
DONE: Final = {
    "changed": marked("Your password is changed."),
    "added": marked("The passkey is added. You can sign in with it from now on."),
    "removed": marked("The passkey is removed."),
    "password-alone": marked("The app is removed. Your password alone signs in now."),
    "ended": marked("That browser is signed out."),
    "sent": marked("A letter with a code is on its way to you."),
    "verified": marked("Your e-mail address is confirmed."),
}
_NO_ISOLATES: Final = str.maketrans("", "", "\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Seat:
    """A browser on which somebody is signed in."""

    key: str
    device: str
    since: datetime
    seen: datetime
    here: bool


@get(SECURITY)
async def show_security(request: PageRequest) -> Response[Any]:
    """The page."""

    async def step(member: Member) -> Response[Any]:
        done = next((_(text) for name, text in DONE.items() if name in request.query_params), None)
        return await _page(member, done=done)

    return await for_member(request, step)


async def _page(member: Member, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    request, service, party = member.request, member.service, member.party
    here = session_name(request)
    sessions = await web_sessions.of_party(service, party)
    registered = await passkeys.of_party(service, party)
    context: dict[str, Any] = {
        "narrow": True,
        "done": None,
        "passkeys_possible": passkeys.relying_party(service.settings) is not None,
        "passkeys_wait": passkeys.waits_for_address(service, party),
        "app": await second_factor.find(service, party),
        "passkeys": [Keyring.of(one) for one in registered],
        "seats": [
            Seat(one.key, device(one.user_agent), one.began_at, one.seen_at, one.key == here) for one in sessions
        ],
    }
    return member.page("account/security.html", **(context | more))


@post(f"{SECURITY}/password", status_code=HTTP_200_OK)
async def do_password(request: PageRequest) -> Response[Any]:
    """Change the password; all other sessions end."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        current, new = typed.get("current", ""), typed.get("password", "")
        try:
            party = await sign_in.change_password(member.service, member.party, current, new, visitor_of(request))
        except FormError as error:
            return await _page(member, status=UNUSABLE, problems=error.problems)
        sign_browser_in(request, party, strong=is_strong(request))
        return go(f"{SECURITY}?changed")

    return await for_member(request, step)


@get(f"{SECURITY}/passkey")
async def show_passkey(request: PageRequest) -> Response[Any]:
    """The form for a new passkey; needs a recent reauthentication."""

    async def step(member: Member) -> Response[Any]:
        if not await stepped_up(request, member.party):
            return ask_for_proof(f"{SECURITY}/passkey")
        name = device(user_agent(request)).translate(_NO_ISOLATES)  # a field is on its own
        return await _passkey_page(member, typed={"name": name})

    return await for_member(request, step)


async def needs_own_second_factor(member: Member) -> bool:
    """Whether somebody of whom a second factor is required has to use theirs before passkeys change.

    Others may with their password, such as when a device with the only passkey is lost.
    """
    return await needs_stronger(member) and await second_factor.is_required(member.service, member.party)


async def _passkey_page(member: Member, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    options = await passkeys.registration_options(member.service, member.party)
    return (
        go(SECURITY) if options is None else member.page("account/passkey.html", narrow=True, options=options, **more)
    )


@post(f"{SECURITY}/passkey", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_passkey(request: PageRequest) -> Response[Any]:
    """Register what the browser made."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        if await needs_own_second_factor(member):
            return go(SECOND_FACTOR)
        try:
            await passkeys.add(member.service, member.party, typed.get("passkey", ""), typed.get("name", ""))
        except FormError as error:
            return await _passkey_page(member, status=UNUSABLE, typed=typed, problems=error.problems)
        renew_proof(request, Means.PASSKEY)
        return go(f"{SECURITY}?added")

    return await for_member(request, step)


@post(f"{SECURITY}/passkey/remove", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_remove_passkey(request: PageRequest) -> Response[Any]:
    """Remove a passkey; the password stays."""

    async def step(member: Member) -> Response[Any]:
        if await needs_own_second_factor(member):
            return go(SECOND_FACTOR)
        await passkeys.remove(member.service, member.party, (await form_of(request)).get("id", ""))
        return go(f"{SECURITY}?removed")

    return await for_member(request, step)


@post(f"{SECURITY}/session", status_code=HTTP_200_OK)
async def do_end_session(request: PageRequest) -> Response[Any]:
    """Sign another browser out."""

    async def step(member: Member) -> Response[Any]:
        key = (await form_of(request)).get("key", "")
        await web_sessions.end_one(member.service, member.party, key)
        return go(f"{SECURITY}?ended")

    return await for_member(request, step)


@post(f"{SECURITY}/sign-out", status_code=HTTP_200_OK)
async def do_sign_out_everywhere(request: PageRequest) -> Response[Any]:
    """End all sessions, this one too."""

    async def step(member: Member) -> Response[Any]:
        await sign_in.sign_out_everywhere(member.service, member.party)
        sign_browser_out(request)
        return page("common/signed_out.html", everywhere=True)

    return await for_member(request, step)


@post(f"{SECURITY}/address", status_code=HTTP_200_OK)
async def do_address(request: PageRequest) -> Response[Any]:
    """Verify the address with the code that was mailed, or mail another one."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        try:
            if "again" in typed:
                await addresses.send_again(member.service, member.party)
                return go(f"{SECURITY}?sent")
            await addresses.verify_by_code(member.service, member.party, typed.get("code", ""))
        except FormError as error:
            return await _page(member, status=UNUSABLE, problems=error.problems)
        return go(f"{SECURITY}?verified")

    return await for_member(request, step)


security_routes: list[HTTPRouteHandler] = [
    *entry_routes,
    *second_factor_routes,
    show_agreed,
    show_security,
    do_password,
    show_passkey,
    do_passkey,
    do_remove_passkey,
    do_end_session,
    do_sign_out_everywhere,
    do_address,
]
