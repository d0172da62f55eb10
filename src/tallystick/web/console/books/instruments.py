"""Prepaid balances and tabs: the list, and each with its tokens and what happened with it."""

from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.actions.transactions import received_at
from tallystick.services.buyer import authorizations as views
from tallystick.services.seller import archived
from tallystick.services.seller.by_hand import Till
from tallystick.services.seller.staff import Permission
from tallystick.store.queries import authorizations, holdings, reads, seller_activity
from tallystick.store.queries.holdings import Instrument
from tallystick.store.queries.seller_activity import About, Wanted
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.books.holding_filter import read_filter
from tallystick.web.console.desk import Desk
from tallystick.web.console.till import at_till

LISTED: Final = 50
RECENT: Final = 10
PLACE: Final = "Instruments"


@get("/console/{business:int}/{environment:str}/instruments")
async def show_instruments(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Prepaid balances and tabs, newest first."""

    async def step(desk: Desk, till: Till) -> Response[Any]:
        pool = desk.service.pool
        chosen = read_filter(till, request.query_params, wording.INSTRUMENTS)
        before = request.query_params.get("before")
        after = None if before is None else await holdings.instrument(pool, till.parts, before)
        return desk.page(
            "console/books/instruments.html",
            words=wording,
            stand_of=stand_of,
            chosen=chosen,
            part=await holdings.instruments(pool, chosen.wanted, LISTED, after),
            later=after is not None,
            prepaid=await reads.instrument_totals(pool, till.parts, "prepaid"),
            credit=await reads.instrument_totals(pool, till.parts, "credit"),
            typed=chosen.typed,
        )

    return await at_till(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/instruments/{instrument_id:str}")
async def show_instrument(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], instrument_id: FromPath[str]
) -> Response[Any]:
    """A prepaid balance or a tab."""

    async def step(desk: Desk, till: Till) -> Response[Any]:
        pool = desk.service.pool
        found = await holdings.instrument(pool, till.parts, instrument_id)
        given = None if found is None else await authorizations.find(pool, found.buyer_id, instrument_id)
        if found is None or given is None:
            raise NotFoundException
        (view,) = await views.views(desk.service, [given])
        wanted = Wanted(
            till.parts, till.seller_id, desk.environment, about=About.INSTRUMENT, subject=found.instrument_id
        )
        return desk.page(
            "console/books/instrument.html",
            words=wording,
            received_at=received_at,
            stand_of=stand_of,
            held=found,
            view=view,
            tokens=await holdings.tokens_of(pool, till.parts, found.instrument_id),
            recent=await seller_activity.look(pool, wanted, RECENT),
            archived_before=await archived.history_of(pool, found.instrument_id, found.created_at),
            may_move=desk.may(Permission.MOVE_MONEY),
        )

    return await at_till(request, business, environment, step)


def stand_of(desk: Desk, held: Instrument | holdings.Token) -> tuple[str, str]:
    """How something held stands in a word, and the tone of its badge. Cancelled counts before expired."""
    if held.cancelled_at is not None:
        return "Cancelled", "bad"
    if held.expires_at is not None and desk.now >= held.expires_at:
        return "Expired", ""
    if isinstance(held, holdings.Token) and held.used_by is not None:
        return "Used", ""
    return ("Not yet", "warn") if desk.now < held.valid_from else ("Active", "good")


instrument_routes = [show_instruments, show_instrument]
