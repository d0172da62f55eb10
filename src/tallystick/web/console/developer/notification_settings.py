"""Where and of what a seller is notified, and trying the address."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.notify import address
from tallystick.notify.address import UnusableAddressError
from tallystick.notify.trial import Tester
from tallystick.services.seller.staff import Permission
from tallystick.store.records import outbox
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import ConsoleContext, for_staff
from tallystick.web.console.developer.notification_log import PATH as LOG_PATH

PATH: Final = f"{LOG_PATH}/settings"
_YES: Final = "yes"


@get(PATH)
async def show_settings(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The settings; who may not change them reads them."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _page(console, saved="saved" in request.query_params)

    return await for_staff(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def save_settings(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Set address and wishes. What still waits for the old address goes to the new one."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            raise NotFoundException
        typed = await form_of(request)
        url = typed.get("url", "").strip() or None
        wanted = {name: typed.get(name) == _YES for name in ("immediate", "write_offs")}
        if url is not None:
            try:
                await _check(console, url)
            except UnusableAddressError as error:
                problems, status = {"url": _sentence(error)}, HTTP_422_UNPROCESSABLE_ENTITY
                return await _page(console, status=status, typed=typed, wanted=wanted, problems=problems)
        service = console.service
        if url != (await outbox.wishes(service.pool, console.book_id)).notification_url:
            async with service.pool.acquire() as connection:
                await outbox.set_address(connection, console.book_id, url, service.clock())
        await outbox.set_wishes(service.pool, console.book_id, **wanted)
        await console.record("notification.settings", url or "", **wanted)
        return go(f"{console.path('notifications', 'settings')}?saved=1")

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@post(f"{LOG_PATH}/test", status_code=HTTP_200_OK)
async def send_test(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Post a test notification to the address that is set, and show what came of it."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            raise NotFoundException
        service = console.service
        url = (await outbox.wishes(service.pool, console.book_id)).notification_url
        if url is None:
            return await _page(console, status=HTTP_409_CONFLICT, problems={"url": "Save an address first."})
        recipient = {"recipientName": console.business.name, "recipientEmail": console.business.email}
        trial = await Tester(service.pool, service.vault, service.settings).send(url, recipient, service.clock())
        await console.record("notification.test", url, status=trial.status)
        return await _page(console, trial=trial)

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


async def _page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - what came of it
    if console.book_id is None:
        return console.page("console/books/no_book.html")
    wishes = await outbox.wishes(console.service.pool, console.book_id)
    settings = console.service.settings
    defaults = {
        "wishes": wishes,
        "wanted": {"immediate": wishes.notify_immediate, "write_offs": wishes.notify_write_offs},
        "typed": {"url": wishes.notification_url or ""},
        "saved": False,
        "trial": None,
        "hours": settings.notification_lifetime_hours,
        "seconds": settings.notification_timeout_ms / 1000,
    }
    return console.page("console/developer/notification_settings.html", **(defaults | more))


async def _check(console: ConsoleContext, url: str) -> None:
    """Raises UnusableAddressError: nothing could be sent there, or the service would not."""
    address.check_form(url)
    if not console.service.settings.allow_private_notification_targets:
        await address.check_public(url)


def _sentence(error: UnusableAddressError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


settings_routes = [show_settings, save_settings, send_test]
