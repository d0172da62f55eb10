"""Faults on order: the next charge, hold or refund of this sandbox fails, or stays pending until it is released."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.rails.commands import RailOperation
from tallystick.services.api.identify import SIMULATED_RECIPIENTS, SIMULATED_SENDERS
from tallystick.services.seller import faults
from tallystick.services.seller.faults import DECLINES, MAX_WAITING, OPERATIONS, TooManyFaultsError
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.developer.sandbox_gate import for_developer, sandbox_book

PATH: Final = "/console/{business:int}/{environment:str}/tools/faults"
LISTED: Final = 50
HOLD: Final = "hold"
PAY: Final = "pay"

_DONE: Final = {
    "ordered": "The fault is ordered. The next order of its kind meets it.",
    "removed": "The fault was taken back.",
    "released": "It was let go: the rail answers within a few seconds.",
    "late": "Nothing was changed: that fault had met its order already, or was let go.",
}


@get(PATH)
async def show_faults(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Faults that wait, faults that hold a request, faults already used; and the fault amounts and tokens."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _page(console, done=_DONE.get(request.query_params.get("done", "")))

    return await for_developer(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def order_fault(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Order one."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        operation = next((one for one in OPERATIONS if one.value == typed.get("operation")), None)
        outcome = typed.get("outcome")
        problems = {}
        if operation is None:
            problems["operation"] = "Choose what should meet the fault."
        if outcome not in {HOLD, *DECLINES}:
            problems["outcome"] = "Choose what should happen."
        if operation is None or problems:
            return await _page(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=problems)
        decline = None if outcome == HOLD else outcome
        try:
            await faults.place(
                console.service,
                console.actor,
                console.business.party_id,
                sandbox_book(console),
                operation,
                decline,
            )
        except TooManyFaultsError:
            problems["operation"] = f"{MAX_WAITING} faults wait already. Take one back first."
            return await _page(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=problems)
        return _back(console, "ordered")

    return await for_developer(request, business, environment, step)


@post(PATH + "/{fault_id:str}/remove", status_code=HTTP_200_OK)
async def remove_fault(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], fault_id: FromPath[str]
) -> Response[Any]:
    """Withdraw one that no request has met yet."""

    async def step(console: ConsoleContext) -> Response[Any]:
        await _known(console, fault_id)
        removed = await faults.take_back(
            console.service, console.actor, console.business.party_id, sandbox_book(console), fault_id
        )
        return _back(console, "removed" if removed else "late")

    return await for_developer(request, business, environment, step)


@post(PATH + "/{fault_id:str}/release", status_code=HTTP_200_OK)
async def release_fault(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], fault_id: FromPath[str]
) -> Response[Any]:
    """Release what one holds."""

    async def step(console: ConsoleContext) -> Response[Any]:
        await _known(console, fault_id)
        outcome = (await form_of(request)).get("outcome")
        if outcome not in {PAY, *DECLINES}:
            return await _page(console, status=HTTP_422_UNPROCESSABLE_ENTITY)
        released = await faults.release(
            console.service,
            console.actor,
            console.business.party_id,
            sandbox_book(console),
            fault_id,
            None if outcome == PAY else outcome,
        )
        return _back(console, "released" if released else "late")

    return await for_developer(request, business, environment, step)


async def _page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and so on
    found = await faults.of_book(console.service, sandbox_book(console), LISTED)
    defaults = {
        "done": None,
        "working": console.service.settings.sandbox_faults,
        "waiting": [fault for fault in found if fault.key is None],
        "held": [fault for fault in found if fault.holding],
        "met": [fault for fault in found if fault.key is not None and not fault.holding],
        "operations": OPERATIONS,
        "charge": RailOperation.CHARGE,
        "declines": DECLINES,
        "senders": SIMULATED_SENDERS,
        "recipients": SIMULATED_RECIPIENTS,
        "hold": HOLD,
        "pay": PAY,
    }
    return console.page("console/developer/faults.html", **(defaults | more))


async def _known(console: ConsoleContext, fault_id: str) -> None:
    """A fault of this sandbox. Raises NotFoundException: there is none, or it was withdrawn."""
    if not await faults.exists(console.service, sandbox_book(console), fault_id):
        raise NotFoundException


def _back(console: ConsoleContext, done: str) -> Response[Any]:
    return go(f"{console.path('tools', 'faults')}?done={done}")


fault_routes = [show_faults, order_fault, remove_fault, release_fault]
