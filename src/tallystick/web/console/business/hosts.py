"""The hosts to which buyers come back: claimed, so that no other seller's links lead there."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.ids import PartyId
from tallystick.services.form_errors import FormError
from tallystick.services.seller import return_hosts
from tallystick.services.seller.return_hosts import HostTakenError, NotProvedError, UnknownHostError
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import LARGEST, ConsoleContext, for_staff

PATH: Final = "/console/{business:int}/{environment:str}/hosts"
DONE: Final = {
    "asked": "Now let the host show its line, then have it checked.",
    "claimed": "The host is yours: links and buttons of others do not lead there any more.",
    "released": "The host is given back.",
    "allowed": "That seller's links may lead there, too.",
    "disallowed": "That seller's links do not lead there any more.",
}
TAKEN: Final = "Another seller has claimed this host. If it is yours, write to whoever runs this service."


@get(PATH)
async def show_hosts(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What is claimed, and what waits for its proof."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _page(console, done=DONE.get(request.query_params.get("done", "")))

    return await for_staff(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def ask_for_host(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Begin to claim a host."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        seller_id, here = console.business.party_id, console.environment
        try:
            await return_hosts.ask(console.service, console.actor, seller_id, typed.get("host", ""), environment=here)
        except FormError as error:
            return await _page(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=error.problems)
        return _done(console, "asked")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{PATH}/check", status_code=HTTP_200_OK)
async def check_host(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Look whether the host shows its line, and claim it if so."""

    async def step(console: ConsoleContext) -> Response[Any]:
        host = (await form_of(request)).get("host", "")
        seller_id, here = console.business.party_id, console.environment
        try:
            await return_hosts.prove(console.service, console.actor, seller_id, host, environment=here)
        except UnknownHostError:
            raise NotFoundException from None
        except NotProvedError as error:
            return await _page(console, status=HTTP_409_CONFLICT, failed=f"Not proved: {error}.")
        except HostTakenError:
            return await _page(console, status=HTTP_409_CONFLICT, failed=TAKEN)
        return _done(console, "claimed")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{PATH}/release", status_code=HTTP_200_OK, opt=STEP_UP)
async def release_host(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Give a host back, or stop asking for it."""

    async def step(console: ConsoleContext) -> Response[Any]:
        host = (await form_of(request)).get("host", "")
        seller_id, here = console.business.party_id, console.environment
        try:
            await return_hosts.release(console.service, console.actor, seller_id, host, environment=here)
        except UnknownHostError:
            raise NotFoundException from None
        return _done(console, "released")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{PATH}/allow", status_code=HTTP_200_OK, opt=STEP_UP)
async def allow_guest(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Let another seller's links lead to a host, too."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        seller_id, here = console.business.party_id, console.environment
        host, guest = typed.get("host", ""), typed.get("guest", "")
        try:
            await return_hosts.allow(console.service, console.actor, seller_id, host, guest, environment=here)
        except UnknownHostError:
            raise NotFoundException from None
        except FormError as error:
            problems, status = error.problems, HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(console, status=status, typed={"guest": guest, "of": host}, problems=problems)
        return _done(console, "allowed")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{PATH}/disallow", status_code=HTTP_200_OK, opt=STEP_UP)
async def disallow_guest(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Let another seller's links lead there no more."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        guest = typed.get("guest", "")
        if not guest.isdecimal() or int(guest) > LARGEST:
            raise NotFoundException
        seller_id, here = console.business.party_id, console.environment
        try:
            await return_hosts.disallow(
                console.service,
                console.actor,
                seller_id,
                typed.get("host", ""),
                PartyId(int(guest)),
                environment=here,
            )
        except UnknownHostError:
            raise NotFoundException from None
        return _done(console, "disallowed")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


def _done(console: ConsoleContext, what: str) -> Response[Any]:
    return go(f"{console.path('hosts')}?done={what}")


async def _page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - what came of it
    hosts = await return_hosts.of_seller(console.service, console.business.party_id)
    defaults: dict[str, Any] = {"done": None, "failed": ""}
    return console.page(
        "console/business/hosts.html",
        claimed=[one for one in hosts if one.claimed],
        asked=[(one, return_hosts.proof_address(console.service, one.host)) for one in hosts if not one.claimed],
        **(defaults | more),
    )


host_routes = [show_hosts, ask_for_host, check_host, release_host, allow_guest, disallow_guest]
