"""The gate of pages that need books: where the seller has none in an environment, there is nothing to show."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.services.seller.by_hand import Till
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.desk import Desk, for_staff

Step = Callable[[Desk, Till], Awaitable[Response[Any]]]


async def at_till(
    request: PageRequest,
    business: int,
    environment: str,
    step: Step,
    *,
    needs: Permission = Permission.VIEW,
    place: str | None = None,
) -> Response[Any]:
    """Do it for staff who may, with the seller's books. Without any, `place` says so; no place: no such page."""

    async def with_till(desk: Desk) -> Response[Any]:
        if desk.book_id is None and place is None:
            raise NotFoundException
        if desk.book_id is None:
            return desk.page("console/books/no_book.html", place=place)
        return await step(desk, Till(desk.service, desk.parts, desk.business.party_id, desk.now))

    return await for_staff(request, business, environment, with_till, needs)
