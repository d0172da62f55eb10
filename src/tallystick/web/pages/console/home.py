"""The console's first page: how business stands."""

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from tallystick.domain.ids import BookId
from tallystick.ledger import figures
from tallystick.ledger.figures import NONE
from tallystick.ledger.parts import parts_of_seller
from tallystick.web.pages.console import home_charts
from tallystick.web.pages.console.desk import Desk, for_staff
from tallystick.web.pages.console.home_charts import SPENT, Period, total
from tallystick.web.pages.shared import PageRequest


@get("/console/{business:int}/{environment:str}")
async def show_home(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """How business stands."""

    async def step(desk: Desk) -> Response[Any]:
        if desk.book_id is None:
            return desk.page("console/no_book.html")
        asked = request.query_params.get("period")
        period = next((one for one in Period if one.value == asked), Period.FORTNIGHT)
        books = await parts_of_seller(desk.service.pool, desk.business.party_id, desk.environment)
        return await _home(desk, books, period)

    return await for_staff(request, business, environment, step)


async def _home(desk: Desk, books: Sequence[BookId], period: Period) -> Response[Any]:
    pool, now, span = desk.service.pool, desk.now, period.span
    state = await figures.catch_up(pool, books, now)
    today = await figures.since(pool, figures.start_of(now, "day"), "day", state)
    lately = await figures.since(pool, span.begin(now), span.step, state)
    holdings = await figures.holdings(pool, books)
    owed, owing = holdings.get("prepaid", NONE), holdings.get("receivable", NONE)
    drawn = [
        home_charts.payments(lately, span, now),
        home_charts.filling(lately, span, now),
        home_charts.liability(lately, span, now, owed.amount_micros),
        home_charts.ageing(state.debt),
        home_charts.income(lately, span, now),
        home_charts.refusals(lately, span),
    ]
    return desk.page(
        "console/home.html",
        period=period,
        periods=[(desk.path() + f"?period={one.value}", one.span.name) for one in Period],
        paid=total(today, *SPENT),
        funded=total(today, "funded"),
        settled=total(today, "settled"),
        owed=owed,
        owing=owing,
        late_micros=state.debt.balance_micros - state.debt.fresh_micros,
        refused=home_charts.refused(today),
        cash=holdings.get("cash", NONE),
        charts=[chart for chart in drawn if chart is not None],
        state=state,
        up_to_date=state.up_to_date(now),
    )


home_routes = [show_home]
