"""How small one payment may be, and what becomes of less than a cent: the page of it, and the forms."""

from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.money import display_amount
from tallystick.services.charges import charge_rules, dust
from tallystick.services.charges.charge_rules import DustRule
from tallystick.services.form_errors import FormError
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext

DUST_RULES: Final = (
    (DustRule.KEEP.value, "It stays owed", "Until later purchases make it a whole cent, or somebody writes it off"),
    (
        DustRule.WRITE_OFF.value,
        "It is written off when the tab has ended",
        "Within a day, once nothing more can be charged on it",
    ),
    (
        DustRule.ROUND.value,
        "It is written off when the tab is settled",
        "Settlements are rounded down to whole cents; and when the tab has ended",
    ),
)
"""What can become of a debt of less than a cent: value, title, detail."""
PLACE: Final = "Settings"
PATH: Final = "/console/{business:int}/{environment:str}/charges"


@get(PATH)
async def show_charges(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What counts now."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        return await _page(console, books, done="done" in request.query_params)

    return await with_books(request, business, environment, step, place=PLACE)


@post(f"{PATH}/smallest", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_set_smallest(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Set the least that one payment may be."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = await form_of(request)
        try:
            micros = charge_rules.read_smallest_charge(typed.get(charge_rules.FIELD, ""))
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _page(console, books, status=status, typed=typed, problems=error.problems)
        await charge_rules.set_smallest_charge(books, micros)
        return go(f"{console.path('charges')}?done")

    return await with_books(request, business, environment, step, needs=Permission.MANAGE)


@post(f"{PATH}/dust", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_set_dust(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Say what becomes of debts of less than a cent."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = (await form_of(request)).get("dust", "")
        rule = next((each for each in DustRule if each.value == typed), None)
        if rule is None:
            return go(console.path("charges"))
        await charge_rules.set_dust_rule(books, rule)
        return go(f"{console.path('charges')}?done")

    return await with_books(request, business, environment, step, needs=Permission.MANAGE)


async def _page(console: ConsoleContext, books: BookContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    rules = await charge_rules.find(books)
    context: dict[str, Any] = {
        "rules": rules,
        "dust": await dust.sums(books),
        "dust_rules": DUST_RULES,
        "may_change": console.may(Permission.MANAGE),
        "typed": {charge_rules.FIELD: display_amount(rules.smallest_charge_micros)},
        "problems": {},
        "done": False,
    }
    return console.page("console/business/charges.html", **(context | more))


charge_routes = [show_charges, do_set_smallest, do_set_dust]
