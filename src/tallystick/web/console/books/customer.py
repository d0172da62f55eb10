"""Everything of one buyer: what they hold, what they agreed to, what happened, and notes of staff about them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.actions.transactions import received_at
from tallystick.services.reports import customers, instruments, transactions
from tallystick.services.reports.customers import MAX_CHARACTERS, MAX_NOTES, CustomerRecord, HeldSum, TooManyNotesError
from tallystick.services.reports.instruments import InstrumentQuery
from tallystick.services.reports.transactions import About
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.instruments import badge_of
from tallystick.web.console.console_context import ConsoleContext

PATH: Final = "/console/{business:int}/{environment:str}/customers/{customer:int}"
LISTED: Final = 50
RECENT: Final = 20
_NOTHING: Final = HeldSum(0, 0)


@get(PATH)
async def show_customer(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], customer: FromPath[int]
) -> Response[Any]:
    """One customer."""
    return await _for_customer(request, business, environment, customer, _page, Permission.VIEW)


@post(PATH + "/notes", status_code=HTTP_200_OK)
async def make_note(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], customer: FromPath[int]
) -> Response[Any]:
    """Write something down about the customer."""

    async def step(console: ConsoleContext, books: BookContext, found: CustomerRecord) -> Response[Any]:
        typed = await form_of(request)
        content = typed.get("note", "").replace("\0", "").replace("\r\n", "\n").strip()
        if not 1 <= len(content) <= MAX_CHARACTERS:
            problems = {"note": f"Write 1 to {MAX_CHARACTERS:,} characters."}
            return await _page(console, books, found, HTTP_422_UNPROCESSABLE_ENTITY, {"note": content}, problems)
        try:
            await customers.make_note(books, found, content)
        except TooManyNotesError:
            problems = {"note": f"There are {MAX_NOTES} notes about this customer. Remove one first."}
            return await _page(console, books, found, HTTP_409_CONFLICT, {"note": content}, problems)
        return go(f"{console.path('customers', found.party_id)}#notes")

    return await _for_customer(request, business, environment, customer, step, Permission.MOVE_MONEY)


@post(PATH + "/notes/{note_id:str}/remove", status_code=HTTP_200_OK)
async def remove_note(
    request: PageRequest,
    business: FromPath[int],
    environment: FromPath[str],
    customer: FromPath[int],
    note_id: FromPath[str],
) -> Response[Any]:
    """Forget a note; idempotent."""

    async def step(console: ConsoleContext, books: BookContext, found: CustomerRecord) -> Response[Any]:
        await form_of(request)
        await customers.remove_note(books, found, note_id)
        return go(f"{console.path('customers', found.party_id)}#notes")

    return await _for_customer(request, business, environment, customer, step, Permission.MOVE_MONEY)


async def _for_customer(
    request: PageRequest,
    business: int,
    environment: str,
    customer: int,
    step: Callable[[ConsoleContext, BookContext, CustomerRecord], Awaitable[Response[Any]]],
    needs: Permission,
) -> Response[Any]:
    async def of_customer(console: ConsoleContext, books: BookContext) -> Response[Any]:
        found = await customers.find(books, customer) if customer < 1 << 62 else None
        if found is None:
            raise NotFoundException
        return await step(console, books, found)

    return await with_books(request, business, environment, of_customer, needs=needs)


async def _page(
    console: ConsoleContext,
    books: BookContext,
    found: CustomerRecord,
    status: int = HTTP_200_OK,
    typed: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> Response[Any]:
    theirs = InstrumentQuery(books.parts, books.now, buyer_id=found.party_id)
    wanted = replace(transactions.all_of(books), about=About.BUYER, subject=str(found.party_id))
    held = await customers.held(books, found)
    return console.page(
        "console/books/customer.html",
        status=status,
        words=wording,
        received_at=received_at,
        badge_of=badge_of,
        customer=found,
        balances=held.get("prepaid", _NOTHING),
        tabs=held.get("credit", _NOTHING),
        holdings=await instruments.instruments(books, theirs, LISTED),
        tokens=await instruments.tokens(books, theirs, LISTED),
        recent=await transactions.list_(books, wanted, RECENT),
        archived_before=await transactions.archived_before(books),
        notes=await customers.notes(books, found),
        real_now=console.service.clock(),
        may_note=console.may(Permission.MOVE_MONEY),
        longest_note=MAX_CHARACTERS,
        typed=typed or {},
        problems=problems or {},
    )


customer_routes = [show_customer, make_note, remove_note]
