"""Tokens: the list, and each with its limits and what happened with it; cancelling."""

from dataclasses import replace
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.actions.transactions import received_at
from tallystick.services.buyer import authorizations
from tallystick.services.buyer.authorization_status import AuthorizationState
from tallystick.services.reports import instruments, transactions
from tallystick.services.reports.instruments import InstrumentRecord, TokenRecord
from tallystick.services.reports.transactions import About
from tallystick.services.seller import balance_refunds, manual_operations
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.instrument_filter import read_filter
from tallystick.web.console.books.instruments import LISTED, PLACE, RECENT, badge_of
from tallystick.web.console.console_context import ConsoleContext

_CONSEQUENCES: Final = {
    "prepaid_sender": "The balance can no longer be spent. What is left of it stays in your books.",
    "funding": "The balance can no longer be filled. What is in it can still be spent.",
    "credit_sender": "Nothing more can be put on the tab. What is owed can still be settled.",
    "settlement": "The debt can no longer be settled from the buyer's means of payment: only written off.",
    "sender": "No more payments can be taken with it. What is reserved or under way may still come in.",
    "recipient": "No more payments can be received on behalf of its giver.",
    "installed": "What it allows ends at once.",
}


@get("/console/{business:int}/{environment:str}/tokens")
async def show_tokens(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Tokens, newest first."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        chosen = read_filter(books, request.query_params, wording.PURPOSES)
        before = request.query_params.get("before")
        after = None if before is None else await instruments.token(books, before)
        return console.page(
            "console/books/tokens.html",
            words=wording,
            badge_of=badge_of,
            chosen=chosen,
            part=await instruments.tokens(books, chosen.wanted, LISTED, after),
            later=after is not None,
            typed=chosen.typed,
        )

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/tokens/{token_id:str}")
async def show_token(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], token_id: FromPath[str]
) -> Response[Any]:
    """A token: what it is for, its limits, what happened with it."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        token = await _find(books, token_id)
        wanted = replace(transactions.all_of(books), about=About.TOKEN, subject=token.token_id)
        state = await _state(books, token)
        return console.page(
            "console/books/token.html",
            words=wording,
            received_at=received_at,
            badge_of=badge_of,
            token=token,
            state=state,
            newer=await instruments.replaced_by(books, token.token_id),
            recent=await transactions.list_(books, wanted, RECENT),
            archived_before=await transactions.archived_before(books, token.token_id, token.created_at),
            may_move=console.may(Permission.MOVE_MONEY),
            may_cancel=token.cancelled_at is None and console.may(Permission.MOVE_MONEY),
            done="cancelled" in request.query_params and token.cancelled_at is not None,
            balance=await _balance_of(books, token) if token.cancelled_at is not None else None,
        )

    return await with_books(request, business, environment, step)


@get("/console/{business:int}/{environment:str}/tokens/{token_id:str}/cancel")
async def show_cancel_token(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], token_id: FromPath[str]
) -> Response[Any]:
    """What cancelling would mean."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        token = await _find(books, token_id)
        if token.cancelled_at is not None:
            return go(console.path("tokens", token.token_id))
        balance = await _balance_of(books, token)
        return console.page(
            "console/books/token_cancel.html",
            words=wording,
            token=token,
            consequence=_CONSEQUENCES[token.purpose],
            balance=balance,
            refundable_micros=0 if balance is None else await balance_refunds.refundable(books, balance),
        )

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY)


@post("/console/{business:int}/{environment:str}/tokens/{token_id:str}/cancel", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_cancel_token(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], token_id: FromPath[str]
) -> Response[Any]:
    """Cancel; idempotent."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        token = await _find(books, token_id)
        await manual_operations.cancel_token(books, token)
        return go(f"{console.path('tokens', token.token_id)}?cancelled")

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY)


async def _find(books: BookContext, token_id: str) -> TokenRecord:
    """A token of this seller's book. Raises NotFoundException."""
    found = await instruments.token(books, token_id)
    if found is None:
        raise NotFoundException
    return found


async def _balance_of(books: BookContext, token: TokenRecord) -> InstrumentRecord | None:
    """The prepaid balance that only this token spends, if there is money on it."""
    if token.purpose != "prepaid_sender" or token.instrument_id is None:
        return None
    found = await instruments.instrument(books, token.instrument_id)
    return found if found is not None and found.balance_micros else None


async def _state(books: BookContext, token: TokenRecord) -> AuthorizationState | None:
    """The authorization behind a token; None if the instrument's page shows it, or the seller installed the token."""
    if token.instrument_id is not None:
        return None
    return await authorizations.find(books.service, token.giver_id, token.token_id)


token_routes = [show_tokens, show_token, show_cancel_token, do_cancel_token]
