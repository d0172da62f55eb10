"""The console's first page: how business stands."""

from datetime import timedelta
from typing import Any, Final

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.actions.transactions import received_at
from tallystick.services.reports import figures, transactions
from tallystick.services.reports.figures import NONE
from tallystick.services.seller import approvals
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.book_context import no_book_page
from tallystick.web.console.console_context import ConsoleContext, for_staff
from tallystick.web.console.figures import first_steps, home_charts
from tallystick.web.console.figures.home_charts import SPENT, ChartPeriod, total

LATEST: Final = 5
"""As many transactions are listed."""

_DAY: Final = timedelta(days=1)


@get("/console/{business:int}/{environment:str}")
async def show_home(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """How business stands."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            return await no_book_page(console)
        if (answer := first_steps.taken_away(console)) is not None:
            return answer
        asked = request.query_params.get("period")
        period = next((one for one in ChartPeriod if one.value == asked), ChartPeriod.FORTNIGHT)
        return await _home(console, period)

    return await for_staff(request, business, environment, step)


async def _home(console: ConsoleContext, period: ChartPeriod) -> Response[Any]:
    books, now, span = console.books, console.now, period.span
    state = await figures.catch_up(books)
    midnight = figures.start_of(now, "day")
    days = await figures.since(books, midnight - _DAY, "day", state)
    today, yesterday = (home_charts.of_day(days, start) for start in (midnight, midnight - _DAY))
    lately = await figures.since(books, span.begin(now), span.step, state)
    holdings = await figures.holdings(books)
    owed, owing = holdings.get("prepaid", NONE), await figures.owed(books)
    drawn = [
        home_charts.payments(lately, span, now),
        home_charts.filling(lately, span, now),
        home_charts.liability(lately, span, now, owed.amount_micros),
        home_charts.ageing(owing.debt),
        home_charts.income(lately, span, now),
        home_charts.refusals(lately, span),
    ]
    return console.page(
        "console/books/home.html",
        period=period,
        periods=[(console.path() + f"?period={one.value}", one.span.name) for one in ChartPeriod],
        paid=total(today, *SPENT),
        paid_yesterday=total(yesterday, *SPENT),
        funded=total(today, "funded"),
        settled=total(today, "settled"),
        came_yesterday=total(yesterday, "funded", "settled"),
        owed=owed,
        owing=owing,
        late_micros=owing.debt.balance_micros - owing.debt.fresh_micros,
        refused=home_charts.refused(today),
        refused_yesterday=sum(home_charts.refused(yesterday).values()),
        cash=holdings.get("cash", NONE),
        charts=[chart for chart in drawn if chart is not None],
        any_refused=bool(home_charts.refused(lately)),
        words=wording,
        received_at=received_at,
        latest=(await transactions.list_(books, transactions.all_of(books), LATEST)).lines,
        steps=await first_steps.list_(console),
        state=state,
        waiting=await approvals.count_waiting(books),
        up_to_date=state.up_to_date(now),
    )


home_routes = [show_home]
