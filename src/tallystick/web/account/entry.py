"""Ways into an account outside of a visit: sign-in, password reset, address verification, reauthentication."""

from typing import Any, Final
from urllib.parse import quote

from litestar import get, post
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_410_GONE

from tallystick.services.form_errors import FormError
from tallystick.services.identity import addresses, password_reset
from tallystick.services.identity.password_reset import LinkSpentError
from tallystick.services.identity.reauthentication import CodeNeededError
from tallystick.web.account.keyring import Keyring
from tallystick.web.account.member import HOME, SIGN_IN, Member, for_member, own_path
from tallystick.web.common.browser.cookies import remember_device
from tallystick.web.common.browser.sessions import sign_browser_out
from tallystick.web.common.browser.signing_in import UNUSABLE, client_of, code_page, enter, means_of, own_way, prove
from tallystick.web.common.browser.step_up import stepped_up
from tallystick.web.common.browser.ways_back import ENDED
from tallystick.web.common.shared import PageRequest, form_of, go, page, service_of, signed_in

FORGOTTEN: Final = "/account/forgotten"
RESET: Final = password_reset.RESET_PATH
VERIFY: Final = addresses.VERIFY_PATH
WELL_KNOWN: Final = "/.well-known/change-password"
PROVE: Final = "/account/prove"
_REMOVED: Final = "remove."


@get(SIGN_IN)
async def show_sign_in(request: PageRequest) -> Response[Any]:
    """The sign-in page."""
    way_on = own_path(request.query_params.get("next", ""))
    if await signed_in(request) is not None:
        return go(way_on)
    return page("account/sign_in.html", next=way_on, ended=ENDED in request.query_params)


@post(SIGN_IN, status_code=HTTP_200_OK)
async def do_sign_in(request: PageRequest) -> Response[Any]:
    """Check e-mail address and password, or the passkey, and begin a session."""
    typed = await form_of(request)
    way_on = own_path(typed.get("next", ""))
    try:
        await enter(request, typed)
    except CodeNeededError as asked:
        return code_page(request, asked, way_on)
    except FormError as error:
        return page(
            "account/sign_in.html", status=UNUSABLE, next=way_on, ended=False, typed=typed, problems=error.problems
        )
    return go(way_on)


@get(FORGOTTEN)
async def show_forgotten(request: PageRequest) -> Response[Any]:
    """The page that asks for the e-mail address of somebody who forgot their password."""
    return page("account/forgotten.html", next=own_way(request.query_params.get("next", ""), HOME), sent_to=None)


@post(FORGOTTEN, status_code=HTTP_200_OK)
async def do_forgotten(request: PageRequest) -> Response[Any]:
    """Send a reset link if the address has an account; the page is the same if it has none."""
    typed = await form_of(request)
    email, way_on = typed.get("email", ""), own_way(typed.get("next", ""), HOME)
    try:
        await password_reset.ask(service_of(request), email, client_of(request), way_on)
    except FormError as error:
        return page(
            "account/forgotten.html", status=UNUSABLE, next=way_on, sent_to=None, typed=typed, problems=error.problems
        )
    return page("account/forgotten.html", next=way_on, sent_to=email.strip())


@get(RESET)
async def show_reset(request: PageRequest) -> Response[Any]:
    """The page that asks for the new password. Opening it does not use the link up."""
    key, way_on = request.query_params.get("key", ""), own_way(request.query_params.get("next", ""), HOME)
    try:
        return await _reset_page(request, key, way_on)
    except LinkSpentError:
        return page("account/link_spent.html", status=HTTP_410_GONE, next=way_on, verify=False)


@post(RESET, status_code=HTTP_200_OK)
async def do_reset(request: PageRequest) -> Response[Any]:
    """Store the new password; everybody who was signed in to the account has to sign in again."""
    typed = await form_of(request)
    key, way_on = typed.get("key", ""), own_way(typed.get("next", ""), HOME)
    service = service_of(request)
    removed = [name.removeprefix(_REMOVED) for name in typed if name.startswith(_REMOVED)]
    try:
        try:
            party = await password_reset.choose_password(
                service, key, typed.get("password", ""), client=client_of(request), removed=removed
            )
        except FormError as error:
            return await _reset_page(request, key, way_on, status=UNUSABLE, typed=typed, problems=error.problems)
    except LinkSpentError:
        return page("account/link_spent.html", status=HTTP_410_GONE, next=way_on, verify=False)
    sign_browser_out(request)
    remember_device(request, service, party)
    return page("account/reset.html", key="", next=way_on, done=True)


async def _reset_page(request: PageRequest, key: str, way_on: str, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    owner = await password_reset.owner_of(service_of(request), key)
    keyring = [Keyring.of(one) for one in owner.passkeys]
    return page(
        "account/reset.html",
        key=key,
        next=way_on,
        done=False,
        first=not owner.party.email_verified,
        passkeys=keyring if owner.party.email_verified else [],
        **more,
    )


@get(VERIFY)
async def show_verify(request: PageRequest) -> Response[Any]:
    """The page behind a verification link. Opening it verifies nothing: mail scanners open links too; its form does."""
    key = request.query_params.get("key", "")
    if not await addresses.link_works(service_of(request), "verify", key):
        return page("account/link_spent.html", status=HTTP_410_GONE, next=HOME, verify=True)
    if await signed_in(request) is None:
        return go(f"{SIGN_IN}?next={quote(f'{VERIFY}?key={key}', safe='')}")
    return page("account/verify.html", key=key, done=False)


@post(VERIFY, status_code=HTTP_200_OK)
async def do_verify(request: PageRequest) -> Response[Any]:
    """Verify the address of the account that is signed in."""

    async def step(member: Member) -> Response[Any]:
        key = (await form_of(request)).get("key", "")
        if not await addresses.verify_by_link(member.service, member.party, key):
            return page("account/link_spent.html", status=HTTP_410_GONE, next=HOME, verify=True)
        return page("account/verify.html", key="", done=True)

    return await for_member(request, step)


@get(WELL_KNOWN)
async def change_password() -> Response[Any]:
    """Where programs that keep passwords send people. Source: W3C, A Well-Known URL for Changing Passwords."""
    return go("/account/security")


@get(PROVE)
async def show_prove(request: PageRequest) -> Response[Any]:
    """The page for reauthentication."""

    async def step(member: Member) -> Response[Any]:
        way_on = own_way(request.query_params.get("next", ""), HOME)
        return go(way_on) if await stepped_up(request, member.party) else await _prove_page(member, way_on)

    return await for_member(request, step)


@post(PROVE, status_code=HTTP_200_OK)
async def do_prove(request: PageRequest) -> Response[Any]:
    """Check password or passkey, and renew the session's proof."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        way_on = own_way(typed.get("next", ""), HOME)
        try:
            await prove(request, member.party, typed)
        except FormError as error:
            return await _prove_page(member, way_on, status=UNUSABLE, problems=error.problems)
        return go(way_on)

    return await for_member(request, step)


async def _prove_page(member: Member, way_on: str, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    means = await means_of(member.request, member.party)
    return member.page("account/prove.html", narrow=True, next=way_on, means=means, **more)


def ask_for_proof(way_on: str) -> Response[Any]:
    """A redirect to reauthentication, which leads back to where it was asked for."""
    return go(f"{PROVE}?next={quote(way_on)}")


entry_routes = [
    show_sign_in,
    do_sign_in,
    show_forgotten,
    do_forgotten,
    show_reset,
    do_reset,
    show_verify,
    do_verify,
    change_password,
    show_prove,
    do_prove,
]
