"""What all ways in have in common, to the account, a visit, the console, the operator's pages; and the way out."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.identity import reauthentication, second_factor
from tallystick.services.identity.accounts import Party
from tallystick.services.identity.reauthentication import CodeNeededError
from tallystick.services.identity.visitors import Visitor
from tallystick.web.common.browser.addresses import client_address
from tallystick.web.common.browser.cookies import marks_of
from tallystick.web.common.browser.sessions import last_proof, renew_proof, sign_browser_in, sign_browser_out
from tallystick.web.common.shared import PageRequest, form_of, page, service_of

UNUSABLE: Final = HTTP_422_UNPROCESSABLE_ENTITY

_OURS: Final = re.compile(r"/(?:account|console|admin|cobranded-ui/visits)(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,4}")


def client_of(request: PageRequest) -> str | None:
    """The address that a request comes from, where it is known."""
    return client_address(request.scope, service_of(request).settings)


def visitor_of(request: PageRequest) -> Visitor:
    """Who sends a request, as far as that is known before they sign in."""
    return Visitor(client_of(request), marks_of(request, service_of(request).settings))


async def enter(request: PageRequest, typed: Mapping[str, str]) -> Party:
    """Sign in with a form that has `email` and `password`, or `passkey`, or `ticket` and `code`.

    Raises FormError, BusyError; CodeNeededError: show `code_page`.
    """
    party, by = await reauthentication.enter(service_of(request), typed, visitor_of(request))
    sign_browser_in(request, party, by)
    return party


async def prove(request: PageRequest, party: Party, typed: Mapping[str, str]) -> None:
    """Reauthenticate the person with a form that has `password`, `code` or `passkey`. Raises FormError, BusyError."""
    renew_proof(request, await reauthentication.prove(service_of(request), party, typed, visitor_of(request)))


async def means_of(request: PageRequest, party: Party) -> str:
    """What the form that reauthenticates this person asks for: `password` or `code`; a passkey besides.

    `none`: there is nothing to ask for yet. They sign in again by a mailed code, or choose a password.
    """
    if await second_factor.is_enrolled(service_of(request), party):
        return "code"
    return "none" if party.password_hash is None else "password"


def code_page(request: PageRequest, asked: CodeNeededError, way_on: str) -> Response[Any]:
    """The page that asks for the code after the password, and goes on to `way_on`."""
    return page(
        "common/code.html",
        status=UNUSABLE if asked.problems else HTTP_200_OK,
        action=request.url.path,
        ticket=asked.ticket,
        carried={"next": way_on},
        problems=asked.problems,
    )


async def proved_within(request: PageRequest, person: Party, minutes: int) -> bool:
    """Whether the person reauthenticated on this browser less than so many minutes ago, by what they are asked for."""
    proof = last_proof(request)
    return proof is not None and await reauthentication.still_counts(
        service_of(request), person, proof.at, proof.by, minutes
    )


async def proved_lately(request: PageRequest, person: Party) -> bool:
    """Whether they did within the time that the settings give for agreeing to a charge."""
    return await proved_within(request, person, service_of(request).settings.confirm_within_minutes)


def own_way(path: str, otherwise: str) -> str:
    """The path, if it is one of our pages for people; else another one."""
    return path if _OURS.fullmatch(path) else otherwise


def sign_out_form(in_visit: Callable[[PageRequest, str], Awaitable[Response[Any]]]) -> HTTPRouteHandler:
    """The handler of the form that forgets who is signed in.

    Hosted pages have it, too. Then it names its visit, and `in_visit` goes on with that, given the request and the
    visit's id.
    """

    @post("/sign-out", status_code=HTTP_200_OK)
    async def do_sign_out(request: PageRequest) -> Response[Any]:
        visit_id = (await form_of(request)).get("visit")
        sign_browser_out(request)
        if visit_id is None:
            return page("common/signed_out.html", everywhere=False)
        return await in_visit(request, visit_id)

    return do_sign_out
