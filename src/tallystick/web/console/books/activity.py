"""A seller's activity: filtered, page by page, and all of it as a table for spreadsheets."""

from datetime import datetime
from typing import Any, Final

from litestar import get
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.ids import TransactionId
from tallystick.services.actions.transactions import received_at
from tallystick.services.reports import activity_export, customers, transactions
from tallystick.services.reports.customers import CustomerRecord
from tallystick.services.reports.transactions import TransactionPage
from tallystick.services.seller.manual_operations import BookContext
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.activity_filter import ActivityFilter, read_filter, transaction_id_of
from tallystick.web.console.console_context import ConsoleContext

LISTED: Final = 50
PLACE: Final = "Activity"


@get("/console/{business:int}/{environment:str}/activity")
async def show_activity(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Transactions, newest first; the address says which."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        chosen = read_filter(books, request.query_params)
        before = transaction_id_of(request.query_params.get("before"))
        listed, exact, buyer = None, None, None
        if not chosen.problems:
            listed = await transactions.list_(books, chosen.wanted, LISTED, before)
            if text := chosen.typed.get("q", "") if before is None else "":
                exact = await transactions.known_by_reference(books, text)
                buyer = await customers.find_by_address(books, text)
        gone = await transactions.archived_before(books)
        if gone is not None and chosen.wanted.since is not None and chosen.wanted.since >= gone:
            gone = None
        return _page(console, chosen, listed, exact, buyer, later=before is not None, archived_before=gone)

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/activity.csv")
async def show_activity_csv(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Everything that the same filter lets pass, as a stream."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        chosen = read_filter(books, request.query_params)
        if chosen.problems:
            return _page(console, chosen)
        totals = request.query_params.get("totals") == "yes"
        named = chosen.query.removeprefix("?")
        return console.csv("activity", await activity_export.export(books, chosen.wanted, named, totals=totals))

    return await with_books(request, business, environment, step, place=PLACE)


def _page(
    console: ConsoleContext,
    chosen: ActivityFilter,
    listed: TransactionPage | None = None,
    exact: TransactionId | None = None,
    buyer: CustomerRecord | None = None,
    *,
    later: bool = False,
    archived_before: datetime | None = None,
) -> Response[Any]:
    """The list.

    `exact`: the transaction whose reference is exactly the one searched for; `buyer`: the one of that address.
    `archived_before`: matches from before then may be in the archive.
    """
    return console.page(
        "console/books/activity.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if chosen.problems else HTTP_200_OK,
        words=wording,
        received_at=received_at,
        chosen=chosen,
        listed=listed,
        exact=exact,
        buyer=buyer,
        later=later,
        archived_before=archived_before,
        typed=chosen.typed,
        problems=chosen.problems,
    )


activity_routes = [show_activity, show_activity_csv]
