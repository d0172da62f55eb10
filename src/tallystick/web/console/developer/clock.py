"""The sandbox's test clock: what time it is, what moving it would end, and moving it."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.periods import Period
from tallystick.services.form_errors import FormError
from tallystick.services.seller import sandbox_clock
from tallystick.services.seller.sandbox_clock import ClockMovedError, ClockReading, TooFarAheadError
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.developer.sandbox_gate import for_developer, sandbox_book

PATH: Final = "/console/{business:int}/{environment:str}/tools/clock"
UNITS: Final = ("Hour", "Day", "Week", "Month", "Year")

_MOVED: Final = "Somebody else moved the clock meanwhile. Look at it again, then move it if you still want to."


@get(PATH)
async def show_clock(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What time it is; with a length of time, what moving the clock that far would end."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = {name: request.query_params.get(name, "") for name in ("count", "unit")}
        if "count" not in request.query_params:
            return await _page(console, moved="moved" in request.query_params)
        try:
            return await _page(console, by=_period(typed), typed=typed)
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(console, status=status, typed=typed, problems=error.problems)

    return await for_developer(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def move_clock(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Move the clock from the time that the form showed, so that a double click moves it once."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        book_id = sandbox_book(console)
        try:
            by, seen = _period(typed), _seconds(typed.get("seen", ""))
            hand = await sandbox_clock.read(console.service, book_id)
            await sandbox_clock.forward(
                console.service, console.actor, console.business.party_id, book_id, ClockReading(hand.now, seen), by
            )
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(console, status=status, typed=typed, problems=error.problems)
        except TooFarAheadError as error:
            return await _page(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=_too_far(error))
        except ClockMovedError:
            return await _page(console, status=HTTP_409_CONFLICT, problems={"count": _MOVED})
        return go(f"{console.path('tools', 'clock')}?{urlencode({'moved': 1})}")

    return await for_developer(request, business, environment, step)


async def _page(console: ConsoleContext, *, by: Period | None = None, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and so on
    book_id = sandbox_book(console)
    hand = await sandbox_clock.read(console.service, book_id)
    then = ending = None
    if by is not None:
        try:
            then = sandbox_clock.target(hand, by)
        except TooFarAheadError as error:
            return await _page(console, **more, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=_too_far(error))
        ending = await sandbox_clock.ending(console.service, console.parts, hand.now, then.now)
    defaults = {"hand": hand, "by": by, "then": then, "ending": ending, "moved": False, "units": UNITS}
    return console.page("console/developer/clock.html", **(defaults | more))


def _period(typed: dict[str, str]) -> Period:
    """How far. Raises FormError."""
    try:
        return Period.parse(f"{typed.get('count', '').strip()} {typed.get('unit', '')}")
    except ValueError:
        raise FormError({"count": "Type a whole number from 1 to 99999."}) from None


def _seconds(text: str) -> timedelta:
    """How far ahead the clock was when the form was shown. Raises FormError."""
    if not (
        text.isascii() and text.isdecimal() and len(text) <= len(str(int(sandbox_clock.MAX_AHEAD.total_seconds())))
    ):
        raise FormError({"count": _MOVED})
    return timedelta(seconds=int(text))


def _too_far(error: TooFarAheadError) -> dict[str, str]:
    return {"count": f"That is too far: {error}."}


clock_routes = [show_clock, move_clock]
