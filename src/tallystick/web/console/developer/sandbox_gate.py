"""The access check of the sandbox's tools: developers only, and only in the sandbox."""

from typing import Any

from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.domain.ids import BookId
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.console_context import ConsoleContext, Step, for_staff


async def for_developer(request: PageRequest, business: int, environment: str, step: Step) -> Response[Any]:
    """Run `step` for a developer of this seller, in the sandbox; anything else gets 404."""

    async def sandboxed(console: ConsoleContext) -> Response[Any]:
        if not console.sandbox or console.book_id is None:
            raise NotFoundException
        return await step(console)

    return await for_staff(request, business, environment, sandboxed, Permission.DEVELOP)


def sandbox_book(console: ConsoleContext) -> BookId:
    """The sandbox's book; only for requests that passed the access check."""
    if console.book_id is None:
        raise TypeError("a sandbox has a book")
    return console.book_id
