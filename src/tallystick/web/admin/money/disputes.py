"""Disputes of all sellers, those that wait for an answer first."""

from typing import Any, Final

from litestar import get
from litestar.response import Response

from tallystick.services.disputes import cases
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest

LISTED: Final = 200
PLACE: Final = f"{HOME}/disputes"


@get(PLACE)
async def show_disputes_of_all(request: PageRequest) -> Response[Any]:
    """What is open, what sellers owe, and where a rail has told both ends."""

    async def step(operator: OperatorContext) -> Response[Any]:
        found = await cases.latest(operator.service, LISTED)
        return operator.page(
            "admin/disputes.html",
            listed=found,
            opened=sum(one.is_open for one in found),
            due_micros=sum(one.due_micros for one in found),
            contradicted=sum(one.is_contradicted for one in found),
            maximum=LISTED,
        )

    return await for_operator(request, step)
