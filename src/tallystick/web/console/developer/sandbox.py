"""The gate of the sandbox's tools: developers only, and nothing of the kind where money is real."""

from typing import Any

from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.domain.ids import BookId
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.desk import Desk, Step, for_staff


async def for_developer(request: PageRequest, business: int, environment: str, step: Step) -> Response[Any]:
    """Do it for a developer of this seller, in the sandbox; anywhere else there is no such page."""

    async def sandboxed(desk: Desk) -> Response[Any]:
        if not desk.sandbox or desk.book_id is None:
            raise NotFoundException
        return await step(desk)

    return await for_staff(request, business, environment, sandboxed, Permission.DEVELOP)


def sandbox_book(desk: Desk) -> BookId:
    """The book of a desk that came through this gate."""
    if desk.book_id is None:
        raise TypeError("a sandbox has a book")
    return desk.book_id
