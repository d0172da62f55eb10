"""Prepaid balances and tabs: the list, and each with its tokens and what happened with it."""

from dataclasses import replace
from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.domain.money import is_dust
from tallystick.domain.tokens import TokenState, state_of
from tallystick.services.actions.transactions import received_at
from tallystick.services.buyer import authorizations
from tallystick.services.consent import redemption_terms
from tallystick.services.reports import holdings_export, instruments, transactions
from tallystick.services.reports.instruments import InstrumentRecord, TokenRecord
from tallystick.services.reports.transactions import About
from tallystick.services.seller import balance_refunds
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.instrument_filter import read_filter
from tallystick.web.console.console_context import ConsoleContext

LISTED: Final = 50
RECENT: Final = 10
PLACE: Final = "Instruments"


_STATE_BADGES: Final = {
    TokenState.CANCELLED: ("Cancelled", "bad"),
    TokenState.EXPIRED: ("Expired", ""),
    TokenState.USED: ("Used", ""),
    TokenState.NOT_YET: ("Not yet", "warn"),
    TokenState.ACTIVE: ("Active", "good"),
}


@get("/console/{business:int}/{environment:str}/instruments")
async def show_instruments(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Prepaid balances and tabs, newest first."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        chosen = read_filter(books, request.query_params, wording.INSTRUMENTS)
        before = request.query_params.get("before")
        after = None if before is None else await instruments.instrument(books, before)
        return console.page(
            "console/books/instruments.html",
            words=wording,
            badge_of=badge_of,
            chosen=chosen,
            part=await instruments.instruments(books, chosen.wanted, LISTED, after),
            later=after is not None,
            prepaid=await instruments.total(books, "prepaid"),
            credit=await instruments.total(books, "credit"),
            redemption=redemption_terms.in_words(await redemption_terms.chosen(books)),
            typed=chosen.typed,
        )

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/instruments.csv")
async def show_instruments_csv(
    request: PageRequest, business: FromPath[int], environment: FromPath[str]
) -> Response[Any]:
    """All balances and tabs that the same filter lets pass, as a stream."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        chosen = read_filter(books, request.query_params, wording.INSTRUMENTS)
        content = await holdings_export.export_instruments(books, chosen.wanted, chosen.query.removeprefix("?"))
        return console.csv("instruments", content)

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/instruments/{instrument_id:str}")
async def show_instrument(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], instrument_id: FromPath[str]
) -> Response[Any]:
    """A prepaid balance or a tab."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        found = await instruments.instrument(books, instrument_id)
        state = None if found is None else await authorizations.find(console.service, found.buyer_id, instrument_id)
        if found is None or state is None:
            raise NotFoundException
        wanted = replace(transactions.all_of(books), about=About.INSTRUMENT, subject=found.instrument_id)
        return console.page(
            "console/books/instrument.html",
            words=wording,
            received_at=received_at,
            badge_of=badge_of,
            held=found,
            dust=is_dust(found.balance_micros),
            state=state,
            tokens=await instruments.tokens_of(books, found.instrument_id),
            recent=await transactions.list_(books, wanted, RECENT),
            archived_before=await transactions.archived_before(books, found.instrument_id, found.created_at),
            may_move=console.may(Permission.MOVE_MONEY),
            refundable_micros=await balance_refunds.refundable(books, found) if found.kind == "prepaid" else 0,
            refunded="refunded" in request.query_params,
        )

    return await with_books(request, business, environment, step)


def badge_of(console: ConsoleContext, held: InstrumentRecord | TokenRecord) -> tuple[str, str]:
    """The state of an instrument or token in a word, and the tone of its badge."""
    return _STATE_BADGES[state_of(held, console.now)]


instrument_routes = [show_instruments, show_instruments_csv, show_instrument]
