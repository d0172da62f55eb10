"""The delivery log: events, their deliveries, and replaying them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.seller import notification_settings, notifications
from tallystick.services.seller.notifications import DEAD, DELIVERED, WAITING, EventRecord
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import no_book_page
from tallystick.web.console.console_context import ConsoleContext, for_staff

PATH: Final = "/console/{business:int}/{environment:str}/notifications"
LISTED: Final = 50

STATES: Final = {WAITING: ("Waiting", "warn"), DELIVERED: ("Delivered", "good"), DEAD: ("Given up", "bad")}
"""The words and the tone of each state. Events that the seller did not want are not in the log."""

_SUBJECT: Final = re.compile(r"[A-Za-z0-9-]{1,70}", re.ASCII)
_CURSOR: Final = re.compile(r"([0-9]{1,17})\.([A-Za-z0-9-]{1,70})", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_DONE: Final = {
    "again": "It is sent again, for another day of tries.",
    "none": "Nothing is sent: it is waiting already, or no address is set.",
}


@get(PATH)
async def show_log(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Events, the newest first. The address of the page holds what is looked for."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            return await no_book_page(console)
        asked = request.query_params
        state = asked.get("state") if asked.get("state") in STATES else None
        about = asked.get("about", "").strip()
        before = _position(asked.get("before", ""))
        service, entries = console.service, list[EventRecord]()
        if not about or _SUBJECT.fullmatch(about):
            entries = await notifications.log(
                service, console.parts, LISTED + 1, state=state, about=about or None, before=before
            )
        wishes = await notification_settings.find(service, console.business.party_id, console.environment)
        shown = entries[:LISTED]
        chosen = {name: value for name, value in (("state", state), ("about", about)) if value}
        return console.page(
            "console/developer/notifications.html",
            entries=shown,
            states=STATES,
            state_choices=[("", "All"), *((name, words) for name, (words, _) in STATES.items())],
            typed={"state": state or "", "about": about},
            unfinished=await notifications.unfinished(service, console.parts),
            receiver=urlsplit(wishes.notification_url or "").hostname,
            real_now=service.clock(),
            newest=_address(console, chosen) if before else "",
            older=_address(console, chosen | {"before": _cursor(shown[-1])}) if len(entries) > LISTED else "",
            replayed=_count(asked.get("replayed", "")),
        )

    return await for_staff(request, business, environment, step)


@get(PATH + "/{event_id:str}")
async def show_event(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], event_id: FromPath[str]
) -> Response[Any]:
    """One event, and the form as it was sent."""

    async def step(console: ConsoleContext) -> Response[Any]:
        entry = await _entry(console, event_id)
        return console.page(
            "console/developer/notification.html",
            entry=entry,
            states=STATES,
            sent=parse_qsl(entry.message or "", keep_blank_values=True),
            real_now=console.service.clock(),
            done=_DONE.get(request.query_params.get("done", "")),
        )

    return await for_staff(request, business, environment, step)


@post(PATH + "/{event_id:str}/replay", status_code=HTTP_200_OK)
async def replay_event(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], event_id: FromPath[str]
) -> Response[Any]:
    """Replay one event."""

    async def step(console: ConsoleContext) -> Response[Any]:
        entry = await _entry(console, event_id)
        seller_id, environment = console.business.party_id, console.environment
        again = await notifications.replay(console.service, console.actor, seller_id, environment, entry)
        return go(f"{console.path('notifications', event_id)}?done={'again' if again else 'none'}")

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@post(PATH + "/replay-dead", status_code=HTTP_200_OK)
async def replay_dead(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Replay all dead letters."""

    async def step(console: ConsoleContext) -> Response[Any]:
        await form_of(request)
        if not console.parts:
            raise NotFoundException
        count = await notifications.replay_dead(
            console.service, console.actor, console.business.party_id, console.environment, console.parts
        )
        return go(_address(console, {"replayed": str(count)}))

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


async def _entry(console: ConsoleContext, event_id: str) -> EventRecord:
    """The event, as far as the log has it. Raises NotFoundException."""
    entry = None
    if _SUBJECT.fullmatch(event_id):
        entry = await notifications.find(console.service, console.parts, event_id)
    if entry is None:
        raise NotFoundException
    return entry


def _address(console: ConsoleContext, query: dict[str, str]) -> str:
    path = console.path("notifications")
    return f"{path}?{urlencode(query)}" if query else path


def _cursor(entry: EventRecord) -> str:
    """An entry's cursor, for the address of the next page."""
    return f"{(entry.announced_at - _EPOCH) // _MICROSECOND}.{entry.event_id}"


def _position(cursor: str) -> tuple[datetime, str] | None:
    """The position that a cursor means; None when it is none."""
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        return None
    try:
        return _EPOCH + int(match[1]) * _MICROSECOND, match[2]
    except OverflowError:
        return None


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else None


log_routes = [show_log, show_event, replay_event, replay_dead]
