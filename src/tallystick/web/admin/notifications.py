"""Failing notifications of all sellers: which destinations fail, and sending them again."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.ids import BookId, PartyId
from tallystick.services.operations import notifications
from tallystick.services.operations.notifications import DEAD, WAITING, EventCase
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator, number_of
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

LISTED: Final = 25
DESTINATIONS: Final = 10
PLACE: Final = f"{HOME}/notifications"
_STATES: Final = (DEAD, WAITING)
_BETWEEN: Final = "~"  # separates moment and id in a cursor; neither contains it


@get(PLACE)
async def show_notifications(request: PageRequest) -> Response[Any]:
    """Destinations that fail, and the events that wait or are dead letters there."""

    async def step(operator: OperatorContext) -> Response[Any]:
        service = operator.service
        state = operator.asked("state") if operator.asked("state") in _STATES else DEAD
        before = _cursor(operator.asked("before"))
        found = await notifications.cases(service, LISTED + 1, state=state, before=before)
        shown = found[:LISTED]
        older = urlencode({"state": state, "before": _cursor_after(shown[-1])}) if len(found) > LISTED else ""
        return operator.page(
            "admin/notifications.html",
            destinations=await notifications.destinations(service, DESTINATIONS),
            cases=shown,
            state=state,
            newer=f"{PLACE}?state={state}" if before else "",
            older=f"{PLACE}?{older}" if older else "",
            replayed=operator.asked("replayed"),
        )

    return await for_operator(request, step)


@post(f"{PLACE}/replay", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_replay(request: PageRequest) -> Response[Any]:
    """Replay one notification, or all dead letters of one seller or of all."""

    async def step(operator: OperatorContext) -> Response[Any]:
        typed, service, actor = await form_of(request), operator.service, operator.actor
        event, (book, seller) = typed.get("event", ""), (number_of(typed.get(name, "")) for name in ("book", "seller"))
        if event:
            if book is None:
                raise NotFoundException
            count = await notifications.replay(service, actor, event, BookId(book))
        elif seller is not None:
            count = await notifications.replay_dead(service, actor, PartyId(seller))
        elif "everything" in typed:
            count = await notifications.replay_dead(service, actor, None)
        else:
            raise NotFoundException
        return go(f"{PLACE}?replayed={count}")

    return await for_operator(request, step)


def _cursor(text: str) -> tuple[datetime, str] | None:
    moment, between, event_id = text.partition(_BETWEEN)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at, event_id) if between and at.tzinfo is not None else None


def _cursor_after(case: EventCase) -> str:
    return f"{case.announced_at.isoformat()}{_BETWEEN}{case.event_id}"
