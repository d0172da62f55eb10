"""Taking up an invitation to a seller's staff, with an account or with a new one."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.context import Service
from tallystick.services.form_errors import FormError
from tallystick.services.identity.sign_in import open_personal
from tallystick.services.operations.accounts import EmailTakenError, Party
from tallystick.services.seller import invitations
from tallystick.services.seller.invitations import Invitation
from tallystick.services.seller.staff import StaffRole
from tallystick.web.common.browser.sessions import sign_browser_in
from tallystick.web.common.browser.signing_in import client_of
from tallystick.web.common.browser.staff_sign_in import CONSOLE
from tallystick.web.common.shared import PageRequest, form_of, go, page, service_of, signed_in
from tallystick.web.console.wording import ROLES

PATH: Final = f"{invitations.PATH}/{{invitation:str}}"
TAKEN: Final = "There is already an account with this address. Sign in with it to accept."

Step = Callable[[Service, Invitation], Awaitable[Response[Any]]]


@get(PATH)
async def show_invitation(request: PageRequest, invitation: FromPath[str]) -> Response[Any]:
    """Who invites to what, and the ways to accept."""

    async def step(_: Service, found: Invitation) -> Response[Any]:
        return await _page(request, found)

    return await _for_invited(request, invitation, step)


@post(PATH, status_code=HTTP_200_OK)
async def do_accept(request: PageRequest, invitation: FromPath[str]) -> Response[Any]:
    """Join the staff, as whoever is signed in."""

    async def step(service: Service, found: Invitation) -> Response[Any]:
        person = await signed_in(request)
        if person is None:
            return go(f"/console/sign-in?next={invitations.PATH}/{invitation}")
        return await _join(request, service, found, person)

    return await _for_invited(request, invitation, step)


@post(f"{PATH}/sign-up", status_code=HTTP_200_OK)
async def do_sign_up(request: PageRequest, invitation: FromPath[str]) -> Response[Any]:
    """Open an account for the invited address, and join."""

    async def step(service: Service, found: Invitation) -> Response[Any]:
        typed = await form_of(request)
        try:
            person = await open_personal(
                service, typed.get("name", ""), found.email, typed.get("password", ""), client_of(request)
            )
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(request, found, status=status, typed=typed, problems=error.problems)
        except EmailTakenError:  # who has the letter is told: it is their own address
            return await _page(request, found, status=HTTP_409_CONFLICT, typed=typed, problems={"accept": TAKEN})
        sign_browser_in(request, person)
        return await _join(request, service, found, person)

    return await _for_invited(request, invitation, step)


async def _for_invited(request: PageRequest, secret: str, step: Step) -> Response[Any]:
    service = service_of(request)
    found = await invitations.find(service, secret)
    if found is None:
        raise NotFoundException
    return await step(service, found)


async def _join(request: PageRequest, service: Service, found: Invitation, person: Party) -> Response[Any]:
    try:
        joined = await invitations.accept(service, found, person)
    except FormError as error:
        return await _page(request, found, status=HTTP_409_CONFLICT, problems=error.problems)
    if joined.session_round != person.session_round:
        sign_browser_in(request, joined)
    return go(f"{CONSOLE}/{found.business_id}/sandbox")


async def _page(request: PageRequest, found: Invitation, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    return page(
        "console/business/invitation.html",
        invitation=found,
        here=f"{invitations.PATH}/{request.path_params['invitation']}",
        duty=ROLES[StaffRole(found.role)],
        person=await signed_in(request),
        **more,
    )


invitation_routes = [show_invitation, do_accept, do_sign_up]
