"""Rails: requests without an answer yet, and those whose result is unknown."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.services.operations import monitoring, rails
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

LISTED: Final = 25
PLACE: Final = f"{HOME}/rails"


@get(PLACE)
async def show_rails(request: PageRequest) -> Response[Any]:
    """All rails with their queues, and the requests that wait, oldest first."""

    async def step(operator: OperatorContext) -> Response[Any]:
        service = operator.service
        unknown, after = operator.asked("only") == "unknown", operator.asked("after")
        found = await rails.cases(
            service, LISTED + 1, unknown=unknown, after=TransactionId(after) if _is_transaction(after) else None
        )
        shown = found[:LISTED]
        filters = {"only": "unknown"} if unknown else {}
        later = urlencode(filters | {"after": shown[-1].transaction_id}) if len(found) > LISTED else ""
        return operator.page(
            "admin/rails.html",
            rails=(await monitoring.queues_of(service)).rails,
            cases=shown,
            events=await rails.troubled_events(service, LISTED),
            unknown=unknown,
            first=f"{PLACE}?{urlencode(filters)}" if after else "",
            later=f"{PLACE}?{later}" if later else "",
            done=operator.asked("done"),
        )

    return await for_operator(request, step)


@post(f"{PLACE}/ask-again", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_ask_again(request: PageRequest) -> Response[Any]:
    """Let a rail be asked now instead of at the next interval."""

    async def step(operator: OperatorContext) -> Response[Any]:
        named = (await form_of(request)).get("transaction", "")
        if not _is_transaction(named):
            raise NotFoundException
        await rails.ask_again(operator.service, operator.actor, TransactionId(named))
        return go(f"{PLACE}?done=asked")

    return await for_operator(request, step)


def _is_transaction(text: str) -> bool:
    try:
        return bool(text) and bool(book_of_transaction(text))
    except MalformedIdError:
        return False
