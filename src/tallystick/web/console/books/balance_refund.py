"""Giving back what was not spent of a prepaid balance: the form, the preview, the refunds.

The form generates the reference and every step carries it, so a double click, a reload or going back never gives
anything back twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.ids import InstrumentId
from tallystick.domain.money import display_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.reports import instruments
from tallystick.services.reports.instruments import InstrumentRecord
from tallystick.services.seller import approvals, balance_refunds
from tallystick.services.seller.approvals import Approval
from tallystick.services.seller.balance_refunds import BalanceRefundPreview, BalanceRefundWish
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.money_form import read_description, read_reference, read_refund_amount

_ADDRESS: Final = "/console/{business:int}/{environment:str}/instruments/{instrument_id:str}/refund"

Step = Callable[[ConsoleContext, BookContext, InstrumentRecord], Awaitable[Response[Any]]]


@dataclass
class BalanceRefundForm:
    """The form as it was filled in, what it asks for, and its problems by field."""

    typed: Mapping[str, str]
    wish: BalanceRefundWish
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The reference that every step carries."""
        return self.typed["reference"]


@get(_ADDRESS)
async def show_balance_refund(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], instrument_id: FromPath[str]
) -> Response[Any]:
    """Ask how much; once that is said, show what it would do."""

    async def step(console: ConsoleContext, books: BookContext, held: InstrumentRecord) -> Response[Any]:
        asked = _read(held, request.query_params)
        preview = None
        if "amount" in asked.typed and not asked.problems:
            try:
                preview = await balance_refunds.preview(books, held, asked.wish, asked.reference)
            except Refused as refused:
                asked.problems["amount"] = refused.message
        return await _page(console, held, asked, preview)

    return await _for_balance(request, business, environment, instrument_id, step)


@post(_ADDRESS, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_balance_refund(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], instrument_id: FromPath[str]
) -> Response[Any]:
    """Give it back, or ask for a second person, and show what came of it. Idempotent by the form's reference."""

    async def step(console: ConsoleContext, books: BookContext, held: InstrumentRecord) -> Response[Any]:
        asked = _read(held, await form_of(request))
        if "amount" not in asked.typed or asked.problems:
            return await _page(console, held, asked, None)
        try:
            made = await approvals.refund_balance(books, held, asked.wish, asked.reference)
        except Refused as refused:
            asked.problems["amount"] = _in_words(refused)
            return await _page(console, held, asked, None)
        if isinstance(made, Approval):
            return go(console.path("approvals", made.approval_id))
        return go(f"{console.path('instruments', held.instrument_id)}?refunded=yes")

    return await _for_balance(request, business, environment, instrument_id, step)


def _in_words(refused: Refused) -> str:
    if refused.refusal is Refusal.DuplicateRequest:
        return "Something else was given back with this form already. Start again from the balance."
    return refused.message


async def _for_balance(
    request: PageRequest, business: int, environment: str, instrument_id: str, step: Step
) -> Response[Any]:
    """Run `step` with a prepaid balance of this seller's. Raises NotFoundException: there is none of this id."""

    async def of_balance(console: ConsoleContext, books: BookContext) -> Response[Any]:
        held = await instruments.instrument(books, instrument_id)
        if held is None or held.kind != "prepaid":
            raise NotFoundException
        return await step(console, books, held)

    return await with_books(request, business, environment, of_balance, needs=Permission.MOVE_MONEY)


def _read(held: InstrumentRecord, params: Mapping[str, str]) -> BalanceRefundForm:
    """Read the form; a reference that no form of ours generated is replaced by a new one."""
    typed = {name: params[name].strip() for name in ("amount", "description") if name in params}
    typed["reference"] = read_reference(params)
    problems: dict[str, str] = {}
    amount = read_refund_amount(typed["amount"], problems) if "amount" in typed else None
    description = read_description(typed, problems)
    wish = BalanceRefundWish(InstrumentId(held.instrument_id), amount, description)
    return BalanceRefundForm(typed, wish, problems)


async def _page(
    console: ConsoleContext, held: InstrumentRecord, asked: BalanceRefundForm, preview: BalanceRefundPreview | None
) -> Response[Any]:
    possible = await balance_refunds.refundable(console.books, held)
    return console.page(
        "console/books/balance_refund.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if asked.problems else HTTP_200_OK,
        words=wording,
        held=held,
        possible_micros=possible,
        asked=asked,
        preview=preview,
        needs_two=preview is not None and await approvals.needs_two(console.books, preview.amount_micros),
        typed={"amount": display_amount(possible)} | dict(asked.typed),
        problems=asked.problems,
    )


balance_refund_routes = [show_balance_refund, do_balance_refund]
