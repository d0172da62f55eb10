"""One order that a rail does not answer, and its end by hand."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.rails import ended_orders
from tallystick.services.rails.ended_orders import NOTES, DueRequest, RailOrderStateError
from tallystick.web.admin.guard import OperatorContext, for_operator
from tallystick.web.admin.rails import PLACE
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

_MAX_REASON: Final = 200


@get(f"{PLACE}/end")
async def show_order_to_end(request: PageRequest) -> Response[Any]:
    """What ending an order means, and the form that does it."""

    async def step(operator: OperatorContext) -> Response[Any]:
        return _page(operator, await _named(operator, operator.asked("transaction"), operator.asked("operation")))

    return await for_operator(request, step)


@post(f"{PLACE}/end", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_end_order(request: PageRequest) -> Response[Any]:
    """End an order that the rail never got."""

    async def step(operator: OperatorContext) -> Response[Any]:
        form = await form_of(request)
        order = await _named(operator, form.get("transaction", ""), form.get("operation", ""))
        reason = form.get("reason", "").strip()[:_MAX_REASON]
        if not reason:
            problems = {"reason": "Say why: it is kept in the audit log."}
            return _page(operator, order, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        try:
            await ended_orders.end(operator.service, operator.actor, order, reason)
        except RailOrderStateError as error:
            problem = f"Nothing was changed: {error}."
            return _page(operator, order, status=HTTP_409_CONFLICT, problem=problem, typed={"reason": reason})
        return go(f"{PLACE}?done=ended")

    return await for_operator(request, step)


async def _named(operator: OperatorContext, transaction: str, operation: str) -> DueRequest:
    """Raises NotFoundException: nothing of the kind waits."""
    for order in await ended_orders.waiting(operator.service, transaction):
        if order.operation.value == operation:
            return order
    raise NotFoundException


def _page(operator: OperatorContext, order: DueRequest, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problem
    context: dict[str, Any] = {
        "order": order,
        "follows": NOTES[order.operation],
        "problem": None,
        "typed": {},
        "problems": {},
    }
    return operator.page("admin/rail_order.html", **(context | more))
