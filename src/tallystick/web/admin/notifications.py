"""Notifications in trouble, over all sellers: where they do not arrive, and sending them again."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.ids import BookId, PartyId
from tallystick.store.queries import stuck_work
from tallystick.store.queries.stuck_work import EventCase
from tallystick.store.records import outbox
from tallystick.web.admin.guard import HOME, LARGEST, Operator, for_operator, number_of
from tallystick.web.common.shared import PageRequest, form_of, go

LISTED: Final = 25
DESTINATIONS: Final = 10
PLACE: Final = f"{HOME}/notifications"
_STATES: Final = (outbox.DEAD, outbox.WAITING)
_BETWEEN: Final = "~"  # in a cursor: no moment and no id has it


@get(PLACE)
async def show_notifications(request: PageRequest) -> Response[Any]:
    """Where notifications do not arrive, and which."""

    async def step(operator: Operator) -> Response[Any]:
        pool = operator.service.pool
        state = operator.asked("state") if operator.asked("state") in _STATES else outbox.DEAD
        before = _cursor(operator.asked("before"))
        found = await stuck_work.event_cases(pool, LISTED + 1, state=state, before=before)
        shown = found[:LISTED]
        older = urlencode({"state": state, "before": _cursor_after(shown[-1])}) if len(found) > LISTED else ""
        return operator.page(
            "admin/notifications.html",
            destinations=await stuck_work.destinations(pool, DESTINATIONS),
            cases=shown,
            state=state,
            newer=f"{PLACE}?state={state}" if before else "",
            older=f"{PLACE}?{older}" if older else "",
            replayed=operator.asked("replayed"),
        )

    return await for_operator(request, step)


@post(f"{PLACE}/replay", status_code=HTTP_200_OK)
async def do_replay(request: PageRequest) -> Response[Any]:
    """Send one notification again, or all that were given up of one seller or of everybody."""

    async def step(operator: Operator) -> Response[Any]:
        typed, pool = await form_of(request), operator.service.pool
        event, book, seller = typed.get("event", ""), typed.get("book", ""), number_of(typed.get("seller", ""))
        if event:
            if not book.isdecimal() or int(book) > LARGEST:
                raise NotFoundException
            count = await outbox.replay_of_book(pool, BookId(int(book)), event, operator.now)
        elif seller is not None:
            count = await outbox.replay_dead(pool, PartyId(seller), operator.now)
        elif "everything" in typed:
            count = await outbox.replay_dead(pool, None, operator.now)
        else:
            raise NotFoundException
        if count and event:
            await operator.record("notification.replay", event)
        elif count:
            business_id = None if seller is None else PartyId(seller)
            await operator.record("notification.replay_dead", business_id=business_id, count=count)
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
