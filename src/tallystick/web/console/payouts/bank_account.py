"""The bank account to which a seller's payouts go: shown by its last four, given anew, never shown whole."""

from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.form_errors import FormError
from tallystick.services.payouts import bank_accounts, connecting
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.payouts.payouts import PATH, PLACE

_HOURS: Final = int(bank_accounts.COOLING.total_seconds() // 3600)


@get(f"{PATH}/account")
async def show_bank_account(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The form for another bank account."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        return await _page(console, books)

    return await with_books(request, business, environment, step, needs=Permission.MANAGE, place=PLACE)


@post(f"{PATH}/account", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_give_bank_account(
    request: PageRequest, business: FromPath[int], environment: FromPath[str]
) -> Response[Any]:
    """Let payouts go there from now on, a day later in live books."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = await form_of(request)
        if connecting.is_way(books):  # an account number would lead nowhere
            return await _page(console, books, status=HTTP_422_UNPROCESSABLE_ENTITY)
        try:
            account = bank_accounts.read_account(typed)
        except FormError as error:
            return await _page(
                console, books, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=dict(typed), problems=error.problems
            )
        await bank_accounts.give(books, account)
        return go(f"{console.path('payouts')}?done=account")

    return await with_books(request, business, environment, step, needs=Permission.MANAGE, place=PLACE)


async def _page(console: ConsoleContext, books: BookContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems
    context: dict[str, Any] = {
        "destination": await bank_accounts.current(books),
        "hours": _HOURS,
        "connects": connecting.is_way(books),
        "typed": {},
        "problems": {},
    }
    return console.page("console/payouts/account.html", **(context | more))


bank_account_routes = [show_bank_account, do_give_bank_account]
