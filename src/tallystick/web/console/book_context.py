"""The access check of pages that need books; a seller may have none in an environment yet."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.services.operations import accounts
from tallystick.services.rails import live_opening
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console.console_context import ConsoleContext, for_staff


async def no_book_page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - place, status
    """Instead of a page about books that are not open yet: what is missing, by name, and who sees to it."""
    seller = await accounts.account_of(console.service, console.business.party_id)
    standing = None if seller is None or console.sandbox else await live_opening.standing(console.service, seller)
    return console.page("console/books/no_book.html", standing=standing, **more)


Step = Callable[[ConsoleContext, BookContext], Awaitable[Response[Any]]]


async def with_books(
    request: PageRequest,
    business: int,
    environment: str,
    step: Step,
    *,
    needs: Permission = Permission.VIEW,
    place: str | None = None,
) -> Response[Any]:
    """Run `step` for staff with the permission. Without books: a page about `place`, or 404 where that is None."""

    async def of_books(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None and place is None:
            raise NotFoundException
        if console.book_id is None:
            return await no_book_page(console, place=place)
        return await step(console, console.books)

    return await for_staff(request, business, environment, of_books, needs)
