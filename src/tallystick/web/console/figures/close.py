"""A month's close: totals by kind, and each balance from the start of the month to its end."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.domain.accounts import AccountKind
from tallystick.services.buyer.months import Month
from tallystick.services.reports import close_export, month_close
from tallystick.services.reports.close_lines import CloseLine
from tallystick.services.reports.month_close import MonthArchivedError, MonthClose
from tallystick.services.seller.manual_operations import BookContext
from tallystick.web.common.shared import PageRequest, go
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext

PLACE: Final = "Activity"
_FLOW: Final = "close"
"""Closes of one seller take turns with one another."""

LINES: Final[Mapping[CloseLine, str]] = {
    CloseLine.FUNDINGS: "Balances filled",
    CloseLine.CHARGES_OF_BALANCES: "Charges from balances",
    CloseLine.CHARGES_ON_TABS: "Charges on tabs",
    CloseLine.SETTLEMENTS: "Debts settled",
    CloseLine.DIRECT_PAYMENTS: "Direct payments",
    CloseLine.WRITE_OFFS: "Debts written off",
    CloseLine.SHARES_PAID: "Shares of callers",
    CloseLine.SHARES_RECEIVED: "Your shares of payments to others",
    CloseLine.DISPUTES: "Disputes",
    CloseLine.PAYOUTS: "Payouts",
    CloseLine.OTHER: "Anything else",
}
BALANCES: Final[Mapping[AccountKind, str]] = {
    AccountKind.CASH: "Cash held for you",
    AccountKind.PREPAID: "Owed to buyers on prepaid balances",
    AccountKind.RECEIVABLE: "Owed by buyers on tabs",
    AccountKind.FROZEN: "Owed to buyers, frozen by disputes",
    AccountKind.IN_DISPUTE: "Held back by disputes",
    AccountKind.DUES: "What you owe the service",
    AccountKind.PAYOUTS_UNDER_WAY: "Payouts under way",
}


@get("/console/{business:int}/{environment:str}/close")
async def show_close(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The close of a month: of the last one that is over, where none is asked for."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        months = await month_close.months(books)
        month = _asked(request, books, months)
        close: MonthClose | None = None
        archived = None
        try:
            close = await _close(books, month)
        except MonthArchivedError as error:
            archived = error
        return console.page(
            "console/books/close.html",
            month=month,
            options=[(one.text, f"{one.begin:%B %Y}") for one in (months if month in months else [*months, month])],
            close=close,
            archived=archived,
            lines=LINES,
            balances=BALANCES,
            kinds=AccountKind,
            typed={"month": month.text},
        )

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/close.csv")
async def show_close_csv(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The same for a spreadsheet."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        month = _asked(request, books, await month_close.months(books))
        try:
            close = await _close(books, month)
        except MonthArchivedError:
            return go(f"{console.path('close')}?month={month.text}")  # where it says why
        return console.csv(f"close-{month.text}", await close_export.export(books, close))

    return await with_books(request, business, environment, step, place=PLACE)


def _asked(request: PageRequest, books: BookContext, months: list[Month]) -> Month:
    """The month in the address, or the usual one. Raises NotFoundException: no month, or one that has not begun."""
    text = request.query_params.get("month")
    if text is None:
        return month_close.usual(months)
    month = Month.parse(text)
    if month is None or month.begin > books.now:
        raise NotFoundException
    return month


async def _close(books: BookContext, month: Month) -> MonthClose:
    async with books.service.reads.turn(books.seller_id, _FLOW) as turn:
        close = await month_close.close(books, month)
        await turn.step_aside()
        return close


close_routes = [show_close, show_close_csv]
