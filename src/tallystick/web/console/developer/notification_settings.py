"""Where and of what a seller is notified, and trying the address."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.seller import notification_settings
from tallystick.services.seller.notification_settings import SIGNATURE_METHODS, NoAddressError, UnusableAddressError
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import no_book_page
from tallystick.web.console.console_context import ConsoleContext, for_staff
from tallystick.web.console.developer.notification_log import PATH as LOG_PATH

PATH: Final = f"{LOG_PATH}/settings"
_YES: Final = "yes"
METHODS: Final = {
    "RSA-SHA1": "RSA-SHA1, as the protocol has it",
    "RSA-SHA256": "RSA-SHA256, for programs that know it",
}
"""By which messages can be signed, in words."""


@get(PATH)
async def show_settings(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The settings; read-only for staff who may not change them."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _page(console, saved="saved" in request.query_params)

    return await for_staff(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK, opt=STEP_UP)
async def save_settings(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Set the address and the kinds of events. What still waits for the old address goes to the new one."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            raise NotFoundException
        typed = await form_of(request)
        url = typed.get("url", "").strip() or None
        wanted = {name: typed.get(name) == _YES for name in ("immediate", "write_offs")}
        seller_id, environment = console.business.party_id, console.environment
        try:
            await notification_settings.save(
                console.service,
                console.actor,
                seller_id,
                environment,
                url=url,
                immediate=wanted["immediate"],
                write_offs=wanted["write_offs"],
                signature_method=_method(typed),
            )
        except UnusableAddressError as error:
            problems, status = {"url": _sentence(error)}, HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(console, status=status, typed=typed, wanted=wanted, problems=problems)
        return go(f"{console.path('notifications', 'settings')}?saved=1")

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@post(f"{LOG_PATH}/test", status_code=HTTP_200_OK)
async def send_test(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Post a test notification to the address that is set, and show the result."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            raise NotFoundException
        service, environment = console.service, console.environment
        try:
            trial = await notification_settings.send_test(service, console.actor, console.business, environment)
        except NoAddressError:
            return await _page(console, status=HTTP_409_CONFLICT, problems={"url": "Save an address first."})
        return await _page(console, trial=trial)

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


async def _page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - what came of it
    if console.book_id is None:
        return await no_book_page(console)
    wishes = await notification_settings.find(console.service, console.business.party_id, console.environment)
    settings = console.service.settings
    defaults = {
        "wishes": wishes,
        "wanted": {"immediate": wishes.notify_immediate, "write_offs": wishes.notify_write_offs},
        "typed": {"url": wishes.notification_url or "", "method": wishes.signature_method},
        "methods": [(name, METHODS[name]) for name in SIGNATURE_METHODS],
        "saved": False,
        "trial": None,
        "hours": settings.notification_lifetime_hours,
        "seconds": settings.notification_timeout_ms / 1000,
    }
    return console.page("console/developer/notification_settings.html", **(defaults | more))


def _method(typed: dict[str, str]) -> str | None:
    """The method that was chosen; None: a form of before, or nothing that there is, leaves it as it is."""
    chosen = typed.get("method")
    return chosen if chosen in SIGNATURE_METHODS else None


def _sentence(error: UnusableAddressError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


settings_routes = [show_settings, save_settings, send_test]
