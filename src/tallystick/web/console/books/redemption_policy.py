"""Which prepaid balances buyers may have paid back without asking the seller: choosing it."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.decide.outgoing.redemption import ALWAYS, NEVER, Redemption
from tallystick.domain.money import display_amount, parse_amount
from tallystick.services.consent import redemption_terms
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext

PATH: Final = "/console/{business:int}/{environment:str}/redemption"
CHOICES: Final = (
    ("never", "Never by themselves: they ask you, and you decide"),
    ("up_to", "Small balances, up to an amount"),
    ("always", "Always: whatever they have not spent"),
)


@get(PATH)
async def show_redemption(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What is chosen, and what a law demands besides."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        return await _page(console, books, done="chosen" in request.query_params)

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place="Instruments")


@post(PATH, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_choose_redemption(
    request: PageRequest, business: FromPath[int], environment: FromPath[str]
) -> Response[Any]:
    """Choose for all balances, from now on."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = await form_of(request)
        problems: dict[str, str] = {}
        wanted = _read(typed, problems)
        if wanted is None:
            return await _page(
                console, books, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=dict(typed), problems=problems
            )
        await redemption_terms.choose(books, wanted)
        return go(f"{console.path('redemption')}?chosen=yes")

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place="Instruments")


def _read(typed: Mapping[str, str], problems: dict[str, str]) -> Redemption | None:
    choice = typed.get("choice", "")
    if choice == "never":
        return NEVER
    if choice == "always":
        return ALWAYS
    if choice != "up_to":
        problems["choice"] = "Choose one of these."
        return None
    try:
        up_to = parse_amount(typed.get("up_to", "").strip())
    except ValueError:
        up_to = 0
    if not up_to:
        problems["up_to"] = "Enter an amount such as 10.00."
        return None
    return Redemption(up_to)


async def _page(console: ConsoleContext, books: BookContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems
    chosen = await redemption_terms.chosen(books)
    set_so = {"choice": "never", "up_to": ""}
    if chosen.up_to_micros is None:
        set_so["choice"] = "always"
    elif chosen.up_to_micros:
        set_so = {"choice": "up_to", "up_to": display_amount(chosen.up_to_micros)}
    context: dict[str, Any] = {
        "choices": CHOICES,
        "by_law_micros": console.service.settings.redeem_balances_below,
        "typed": set_so,
        "problems": {},
        "done": False,
    }
    return console.page("console/books/redemption.html", **(context | more))


redemption_policy_routes = [show_redemption, do_choose_redemption]
