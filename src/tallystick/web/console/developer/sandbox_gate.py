"""The gate of the sandbox's tools: developers only, and nothing of the kind where money is real."""

from typing import Any

from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.domain.ids import BookId
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.console_context import ConsoleContext, Step, for_staff


async def for_developer(request: PageRequest, business: int, environment: str, step: Step) -> Response[Any]:
    """Do it for a developer of this seller, in the sandbox; anywhere else there is no such page."""

    async def sandboxed(console: ConsoleContext) -> Response[Any]:
        if not console.sandbox or console.book_id is None:
            raise NotFoundException
        return await step(console)

    return await for_staff(request, business, environment, sandboxed, Permission.DEVELOP)


def sandbox_book(console: ConsoleContext) -> BookId:
    """The book of whoever came through this gate."""
    if console.book_id is None:
        raise TypeError("a sandbox has a book")
    return console.book_id
