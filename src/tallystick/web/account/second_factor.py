"""An authenticator app beside the password: setting it up, recovery codes, removing it.

Also the page on which somebody who needs more than a password uses what they have.
"""

from typing import Any, Final

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK
from markupsafe import Markup

from tallystick.services.form_errors import FormError
from tallystick.services.identity import passkeys, second_factor
from tallystick.services.identity.reauthentication import Means
from tallystick.services.identity.second_factor import Setup
from tallystick.web.account.entry import ask_for_proof
from tallystick.web.account.member import Member, for_member
from tallystick.web.common.browser.sessions import is_strong, renew_proof
from tallystick.web.common.browser.signing_in import UNUSABLE, means_of, own_way
from tallystick.web.common.browser.step_up import SECOND_FACTOR, STEP_UP, stepped_up
from tallystick.web.common.shared import PageRequest, form_of, go

SECURITY: Final = passkeys.SECURITY_PATH
QR_PIXELS: Final = 4  # of each square of a QR code
QR_BORDER: Final = 4  # squares of white around it; fewer, and some telephones do not see it


@get(SECOND_FACTOR)
async def show_second_factor(request: PageRequest) -> Response[Any]:
    """What there is, or how to set an app up; for who is sent here by a page that needs more than a password."""

    async def step(member: Member) -> Response[Any]:
        way_on = own_way(request.query_params.get("next", ""), "")
        if await needs_stronger(member):
            return await _use_page(member, way_on or SECOND_FACTOR)
        if is_strong(request) and way_on:
            return go(way_on)
        known = await second_factor.find(member.service, member.party)
        if known is not None:
            return member.page("account/second_factor.html", narrow=True, known=known)
        if not await stepped_up(request, member.party):
            return ask_for_proof(SECOND_FACTOR)
        return _setup_page(member, second_factor.begin(member.service, member.party), way_on)

    return await for_member(request, step)


@post(SECOND_FACTOR, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_set_up(request: PageRequest) -> Response[Any]:
    """Ask for codes of the app from now on, and show the recovery codes, this once."""

    async def step(member: Member) -> Response[Any]:
        if await needs_stronger(member):
            return go(SECOND_FACTOR)
        typed = await form_of(request)
        sealed, way_on = typed.get("setup", ""), own_way(typed.get("next", ""), "")
        try:
            codes = await second_factor.enrol(member.service, member.party, sealed, typed.get("code", ""))
        except FormError as error:
            setup = second_factor.resume(member.service, member.party, sealed)
            fresh = setup or second_factor.begin(member.service, member.party)
            return _setup_page(member, fresh, way_on, status=UNUSABLE, problems=error.problems)
        renew_proof(request, Means.CODE)
        return _codes_page(member, codes, way_on or SECURITY)

    return await for_member(request, step)


@post(f"{SECOND_FACTOR}/recovery-codes", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_recovery_codes(request: PageRequest) -> Response[Any]:
    """Other recovery codes, shown this once."""

    async def step(member: Member) -> Response[Any]:
        if await needs_stronger(member):
            return go(SECOND_FACTOR)
        codes = await second_factor.new_recovery_codes(member.service, member.party)
        return _codes_page(member, codes, SECURITY) if codes else go(SECOND_FACTOR)

    return await for_member(request, step)


@post(f"{SECOND_FACTOR}/remove", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_remove(request: PageRequest) -> Response[Any]:
    """Let the password alone sign in again."""

    async def step(member: Member) -> Response[Any]:
        if await needs_stronger(member):
            return go(SECOND_FACTOR)
        await second_factor.remove(member.service, member.party)
        return go(f"{SECURITY}?password-alone")

    return await for_member(request, step)


async def needs_stronger(member: Member) -> bool:
    """Whether this session took a password alone, and the account has more: that has to be used before it changes."""
    return not is_strong(member.request) and await second_factor.has_any(member.service, member.party)


async def _use_page(member: Member, way_on: str) -> Response[Any]:
    means = await means_of(member.request, member.party)
    return member.page(
        "account/use_second_factor.html", narrow=True, next=way_on, means="code" if means == "code" else "passkey"
    )


def _setup_page(member: Member, setup: Setup, way_on: str, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    import segno  # noqa: PLC0415 - for who sets an app up, once

    drawn = segno.make(setup.uri, micro=False).svg_inline(scale=QR_PIXELS, border=QR_BORDER, dark="#000", light="#fff")
    return member.page(
        "account/set_up_app.html",
        narrow=True,
        waits=passkeys.waits_for_address(member.service, member.party),
        passkeys_possible=passkeys.relying_party(member.service.settings) is not None,
        setup=setup,
        secret=" ".join(setup.secret[start : start + 4] for start in range(0, len(setup.secret), 4)),
        picture=Markup(drawn),  # noqa: S704 - drawn by us, of our own text
        next=way_on,
        **more,
    )


def _codes_page(member: Member, codes: list[str], way_on: str) -> Response[Any]:
    return member.page("account/recovery_codes.html", narrow=True, codes=codes, next=way_on)


second_factor_routes: list[HTTPRouteHandler] = [show_second_factor, do_set_up, do_recovery_codes, do_remove]
