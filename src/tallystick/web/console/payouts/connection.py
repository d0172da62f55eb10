"""The seller's own account at the payment provider: the way there, and being back."""

from typing import Any

import structlog
from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_502_BAD_GATEWAY

from tallystick.services.payouts import connecting
from tallystick.services.payouts.connecting import ProviderSilentError
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, go
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.payouts.payouts import PATH, PLACE

_log = structlog.get_logger(__name__)


@post(f"{PATH}/connect", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_connect(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The way to the provider, with a new account or the one that was begun.

    As a link: browsers hold what follows a form to our own site, also after the page that asks for a proof.
    """

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        if not connecting.is_way(books):
            raise NotFoundException
        try:
            url = await connecting.begin(books)
        except ProviderSilentError as error:
            return _silent(console, error)
        return _page(console, way=True, url=url)

    return await with_books(request, business, environment, step, needs=Permission.MANAGE, place=PLACE)


@get(f"{PATH}/connected")
async def show_connected(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Back from the provider, which is asked how far it is."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        if not connecting.is_way(books):
            return _page(console)
        try:
            standing = await connecting.come_back(books)
        except ProviderSilentError as error:
            return _silent(console, error)
        if standing is None:
            return go(console.path("payouts", "account"))
        return _page(console, way=True, standing=standing)

    return await with_books(request, business, environment, step, needs=Permission.MANAGE, place=PLACE)


def _silent(console: ConsoleContext, error: ProviderSilentError) -> Response[Any]:
    _log.warning("provider_silent", reason=str(error))
    return _page(console, way=True, status=HTTP_502_BAD_GATEWAY)


def _page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - way, url, standing, status
    context: dict[str, Any] = {"way": False, "url": "", "standing": None}
    return console.page("console/payouts/connected.html", **(context | more))


connection_routes = [do_connect, show_connected]
