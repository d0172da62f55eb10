"""The seller's staff: roles, invitations, removing somebody."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.ids import PartyId
from tallystick.services.form_errors import FormError
from tallystick.services.operations.accounts import normal_email
from tallystick.services.seller import invitations, staff
from tallystick.services.seller.staff import LastOwnerError, Permission, Post, StaffRole
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import LARGEST, ConsoleContext, for_staff
from tallystick.web.console.wording import ROLES

PATH: Final = "/console/{business:int}/{environment:str}/staff"
ONE: Final = f"{PATH}/{{person:int}}"
LAST_OWNER: Final = "Somebody has to be owner. Make somebody else owner first."
REVOKE: Final = "revoke"
KEEP: Final = "keep"
DONE: Final = {
    "role": "The role is changed. It counts from now on.",
    "removed": "Removed. They cannot see this console any more.",
    "uninvited": "The invitation is taken back. Its link does not work any more.",
}


@get(PATH)
async def show_staff(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Everybody who works for the seller, and who is invited."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _page(console, done=DONE.get(request.query_params.get("done", "")))

    return await for_staff(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_invite(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Invite somebody. Inviting again makes a new link and ends the old one."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        try:
            role = _role(typed)
            url = await invitations.invite(
                console.service,
                console.person,
                console.business,
                typed.get("email", ""),
                role,
                environment=console.environment,
            )
        except FormError as error:
            return await _page(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=error.problems)
        email = normal_email(typed["email"])
        return await _page(console, invited=email, url="" if console.service.settings.smtp_url else url)

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{PATH}/uninvite", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_uninvite(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Withdraw an invitation; idempotent."""

    async def step(console: ConsoleContext) -> Response[Any]:
        email = (await form_of(request)).get("email", "")
        business_id, environment = console.business.party_id, console.environment
        await invitations.take_back(console.service, console.actor, business_id, email, environment=environment)
        return go(f"{console.path('staff')}?done=uninvited")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@get(ONE)
async def show_person(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], person: FromPath[int]
) -> Response[Any]:
    """One of the staff: change the role, or remove."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _person_page(console, await _post(console, person))

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{ONE}/role", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_change_role(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], person: FromPath[int]
) -> Response[Any]:
    """Give somebody another role."""

    async def step(console: ConsoleContext) -> Response[Any]:
        found = await _post(console, person)
        try:
            role = _role(await form_of(request))
            await staff.change_role(console.service, console.actor, found, role, environment=console.environment)
        except FormError as error:
            return await _person_page(console, found, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=error.problems)
        except LastOwnerError:
            return await _person_page(console, found, status=HTTP_409_CONFLICT, problems={"role": LAST_OWNER})
        return go(f"{console.path('staff')}?done=role")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{ONE}/remove", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_remove(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], person: FromPath[int]
) -> Response[Any]:
    """Remove somebody from the staff; one may remove oneself. Who made keys leaves them, or they end: it is asked."""

    async def step(console: ConsoleContext) -> Response[Any]:
        found, typed = await _post(console, person), await form_of(request)
        keys = await staff.keys_made_by(console.service, found)
        if keys and typed.get("keys") not in {REVOKE, KEEP}:
            problems = {"keys": "Choose what becomes of these keys."}
            return await _person_page(
                console, found, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=problems
            )
        try:
            await staff.remove(
                console.service,
                console.actor,
                found,
                revoke_keys=typed.get("keys") == REVOKE,
                environment=console.environment,
            )
        except LastOwnerError:
            return await _person_page(console, found, status=HTTP_409_CONFLICT, problems={"remove": LAST_OWNER})
        oneself = found.person_id == console.person.party_id
        return go("/console" if oneself else f"{console.path('staff')}?done=removed")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


async def _post(console: ConsoleContext, person: int) -> Post:
    found = None
    if person <= LARGEST:
        found = await staff.post_of(console.service, console.business.party_id, PartyId(person))
    if found is None:
        raise NotFoundException
    return found


def _role(typed: dict[str, str]) -> StaffRole:
    try:
        return StaffRole(typed.get("role", ""))
    except ValueError:
        raise FormError({"role": "Choose a role."}) from None


async def _page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - what came of it
    service, business_id = console.service, console.business.party_id
    defaults: dict[str, Any] = {"done": None, "invited": "", "url": ""}
    return console.page(
        "console/business/staff.html",
        people=await staff.people_of(service, business_id),
        invitations=await invitations.of_business(service, business_id),
        signs_in_itself=console.business.password_hash is not None,
        roles=_roles(),
        now=service.clock(),
        **(defaults | more),
    )


async def _person_page(console: ConsoleContext, found: Post, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    keys = await staff.keys_made_by(console.service, found)
    choices = [(REVOKE, "Revoke them now", "Programs that use them stop."), (KEEP, "Let them go on", "")]
    return console.page(
        "console/business/staff_person.html", post=found, roles=_roles(), keys=keys, key_choices=choices, **more
    )


def _roles() -> list[tuple[str, str, str]]:
    return [(role.value, role.capitalize(), duty) for role, duty in ROLES.items()]


staff_routes = [show_staff, do_invite, do_uninvite, show_person, do_change_role, do_remove]
