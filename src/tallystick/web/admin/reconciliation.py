"""Reconciliation: each day of each rail, and what of it is not explained."""

from datetime import date
from typing import Any, Final

from litestar import get
from litestar.response import Response

from tallystick.services.rails import reconciliation
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest

LISTED: Final = 60
PLACE: Final = f"{HOME}/reconciliation"


@get(PLACE)
async def show_reconciliation(request: PageRequest) -> Response[Any]:
    """The latest days of all rails, with what was found on each."""

    async def step(operator: OperatorContext) -> Response[Any]:
        before = _day(operator.asked("before"))
        found = await reconciliation.latest(operator.service, LISTED + 1, before)
        shown = found[:LISTED]
        if len(found) > LISTED:  # a day that would be torn is left to the next page
            shown = [one for one in shown if one.report.day != found[LISTED].report.day] or shown
        return operator.page(
            "admin/reconciliation.html",
            days=shown,
            unexplained_micros=sum(one.unexplained_micros for one in shown),
            newer=PLACE if before is not None else "",
            older=f"{PLACE}?before={shown[-1].report.day}" if len(found) > LISTED else "",
        )

    return await for_operator(request, step)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
