"""Tokens: the list, and each with its limits and what happened with it; cancelling."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.actions.transactions import received_at
from tallystick.services.buyer import authorizations as views
from tallystick.services.buyer.authorization_view import View
from tallystick.services.seller import archived, by_hand
from tallystick.services.seller.by_hand import Till
from tallystick.services.seller.staff import Permission
from tallystick.store.queries import authorizations, holdings, seller_activity
from tallystick.store.queries.holdings import Token
from tallystick.store.queries.seller_activity import About, Wanted
from tallystick.web.common.shared import PageRequest, go
from tallystick.web.console import wording
from tallystick.web.console.books.holding_filter import read_filter
from tallystick.web.console.books.instruments import LISTED, PLACE, RECENT, stand_of
from tallystick.web.console.desk import Desk
from tallystick.web.console.till import at_till

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

    async def step(desk: Desk, till: Till) -> Response[Any]:
        pool = desk.service.pool
        chosen = read_filter(till, request.query_params, wording.PURPOSES)
        before = request.query_params.get("before")
        after = None if before is None else await holdings.token(pool, till.parts, before)
        return desk.page(
            "console/books/tokens.html",
            words=wording,
            stand_of=stand_of,
            chosen=chosen,
            part=await holdings.tokens(pool, chosen.wanted, LISTED, after),
            later=after is not None,
            typed=chosen.typed,
        )

    return await at_till(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/tokens/{token_id:str}")
async def show_token(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], token_id: FromPath[str]
) -> Response[Any]:
    """A token: what it is for, its limits, what happened with it."""

    async def step(desk: Desk, till: Till) -> Response[Any]:
        token = await _find(till, token_id)
        wanted = Wanted(till.parts, till.seller_id, desk.environment, about=About.TOKEN, subject=token.token_id)
        view = await _view(till, token)
        return desk.page(
            "console/books/token.html",
            words=wording,
            received_at=received_at,
            stand_of=stand_of,
            token=token,
            view=view,
            newer=await holdings.replaced_by(desk.service.pool, till.parts, token.token_id),
            recent=await seller_activity.look(desk.service.pool, wanted, RECENT),
            archived_before=await archived.history_of(desk.service.pool, token.token_id, token.created_at),
            may_cancel=token.cancelled_at is None and desk.may(Permission.MOVE_MONEY),
            done="cancelled" in request.query_params and token.cancelled_at is not None,
        )

    return await at_till(request, business, environment, step)


@get("/console/{business:int}/{environment:str}/tokens/{token_id:str}/cancel")
async def show_cancel_token(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], token_id: FromPath[str]
) -> Response[Any]:
    """What cancelling would mean."""

    async def step(desk: Desk, till: Till) -> Response[Any]:
        token = await _find(till, token_id)
        if token.cancelled_at is not None:
            return go(desk.path("tokens", token.token_id))
        return desk.page(
            "console/books/token_cancel.html", words=wording, token=token, consequence=_CONSEQUENCES[token.purpose]
        )

    return await at_till(request, business, environment, step, needs=Permission.MOVE_MONEY)


@post("/console/{business:int}/{environment:str}/tokens/{token_id:str}/cancel", status_code=HTTP_200_OK)
async def do_cancel_token(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], token_id: FromPath[str]
) -> Response[Any]:
    """Cancel; again and again it comes to the same."""

    async def step(desk: Desk, till: Till) -> Response[Any]:
        token = await _find(till, token_id)
        if await by_hand.cancel_token(till, token.token_id):
            await desk.record("token.cancel", token.token_id, purpose=token.purpose, reference=token.caller_reference)
        return go(f"{desk.path('tokens', token.token_id)}?cancelled")

    return await at_till(request, business, environment, step, needs=Permission.MOVE_MONEY)


async def _find(till: Till, token_id: str) -> Token:
    """A token of this seller's book. Raises NotFoundException."""
    found = await holdings.token(till.service.pool, till.parts, token_id)
    if found is None:
        raise NotFoundException
    return found


async def _view(till: Till, token: Token) -> View | None:
    """What its giver agreed to; None where the instrument's page tells it, or nobody but the seller agreed."""
    if token.instrument_id is not None:
        return None
    given = await authorizations.find(till.service.pool, token.giver_id, token.token_id)
    if given is None:
        return None
    (view,) = await views.views(till.service, [given])
    return view


token_routes = [show_tokens, show_token, show_cancel_token, do_cancel_token]
