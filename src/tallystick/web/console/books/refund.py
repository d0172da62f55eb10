"""Refunding a payment: the form, the preview, the refund.

The form generates the refund's reference and every step carries it, so a double click, a reload or going back never
refunds twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.commands import RefundPolicy
from tallystick.domain.ids import book_of_transaction
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.reports import transactions
from tallystick.services.reports.transactions import TransactionRecord
from tallystick.services.seller import approvals, manual_operations
from tallystick.services.seller.approvals import Approval
from tallystick.services.seller.manual_operations import BookContext, RefundPreview, RefundWish
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.transaction import archived_page, is_refundable, transaction_of
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.money_form import read_description, read_reference, read_refund_amount

ALL: Final = "all"
PART: Final = "part"
_ADDRESS: Final = "/console/{business:int}/{environment:str}/transactions/{transaction_id:str}/refund"


@dataclass
class RefundForm:
    """The form as it was filled in, the refund that it asks for, and its problems by field.

    `amount_decides`: "all of it" was selected but an amount was typed; the amount counts, as a part.
    """

    typed: Mapping[str, str]
    wish: RefundWish
    problems: dict[str, str] = field(default_factory=dict)
    amount_decides: bool = False

    @property
    def way_back(self) -> str:
        """The query of the address at which the form can be changed."""
        return urlencode({name: text for name, text in self.typed.items() if name != "how"})

    @property
    def reference(self) -> str:
        """The reference that every step carries."""
        return self.typed["reference"]


@get(_ADDRESS)
async def show_refund(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], transaction_id: FromPath[str]
) -> Response[Any]:
    """Ask how much; once that is said, show what it would do."""

    async def step(console: ConsoleContext, books: BookContext, record: TransactionRecord) -> Response[Any]:
        asked = _read(record, request.query_params)
        preview = None
        if "how" in asked.typed and not asked.problems:
            try:
                preview = await manual_operations.preview_refund(books, asked.wish, asked.reference)
            except Refused as refused:
                asked.problems["amount"] = _in_words(refused)
        if isinstance(preview, Accepted):
            return go(_address_of(console, preview))
        return await _page(console, record, asked, preview)

    return await _for_payment(request, business, environment, transaction_id, step)


@post(_ADDRESS, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_refund(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], transaction_id: FromPath[str]
) -> Response[Any]:
    """Refund, or ask for a second person, and show the page of either. Idempotent by the form's reference."""

    async def step(console: ConsoleContext, books: BookContext, record: TransactionRecord) -> Response[Any]:
        asked = _read(record, await form_of(request))
        if "how" not in asked.typed or asked.problems:
            return await _page(console, record, asked, None)
        try:
            made = await approvals.refund(books, asked.wish, asked.reference)
        except Refused as refused:
            asked.problems["amount"] = _in_words(refused)
            return await _page(console, record, asked, None)
        if isinstance(made, Approval):
            return go(console.path("approvals", made.approval_id))
        return go(_address_of(console, made))

    return await _for_payment(request, business, environment, transaction_id, step)


def _address_of(console: ConsoleContext, made: Accepted) -> str:
    """The refund's own page."""
    return f"{console.path('transactions', made.transaction_id)}?refunded={made.transaction_id}"


def _in_words(refused: Refused) -> str:
    if refused.refusal is Refusal.DuplicateRequest:
        return "Something else was refunded with this form already. Start again from the payment."
    return refused.message


async def _for_payment(
    request: PageRequest,
    business: int,
    environment: str,
    transaction_id: str,
    step: Callable[[ConsoleContext, BookContext, TransactionRecord], Awaitable[Response[Any]]],
) -> Response[Any]:
    """Run `step` with a refundable payment that this seller called for. Raises NotFoundException: there is none."""

    async def of_payment(console: ConsoleContext, books: BookContext) -> Response[Any]:
        try:
            record = await transaction_of(books, transaction_id)
        except NotFoundException:
            return await archived_page(console, books, transaction_id)
        if book_of_transaction(record.transaction_id) not in books.parts or not is_refundable(record):
            raise NotFoundException
        return await step(console, books, record)

    return await with_books(request, business, environment, of_payment, needs=Permission.MOVE_MONEY)


def _read(record: TransactionRecord, params: Mapping[str, str]) -> RefundForm:
    """Read the form; a reference that no form of ours generated is replaced by a new one."""
    typed = {name: params[name].strip() for name in ("how", "amount", "policy", "description") if params.get(name)}
    typed["reference"] = read_reference(params)
    problems: dict[str, str] = {}
    amount: int | None = None
    amount_decides = typed.get("how") == ALL and bool(typed.get("amount"))
    if amount_decides:  # "all of it" is only the default: an amount that was typed counts
        typed["how"] = PART
    how = typed.get("how")
    if how is not None and how not in {ALL, PART}:
        problems["how"] = "Choose how much to give back."
    if how == PART:
        amount = read_refund_amount(typed.get("amount", ""), problems)
    description = read_description(typed, problems)
    policy = RefundPolicy.MASTER_ONLY
    if record.recipient is not None and "policy" in typed:
        known = {each.value: each for each in RefundPolicy}
        policy = known.get(typed["policy"], policy)
    wish = RefundWish(record.transaction_id, amount, policy, description)
    return RefundForm(typed, wish, problems, amount_decides)


async def _page(
    console: ConsoleContext, record: TransactionRecord, asked: RefundForm, preview: RefundPreview | None
) -> Response[Any]:
    remains = await transactions.remains(console.books, record.transaction_id)
    return console.page(
        "console/books/refund.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if asked.problems else HTTP_200_OK,
        words=wording,
        record=record,
        left_micros=record.amount_micros - remains.refunded_micros - remains.disputed_micros,
        asked=asked,
        preview=preview,
        needs_two=preview is not None and await approvals.needs_two(console.books, preview.amount_micros),
        typed=asked.typed,
        problems=asked.problems,
    )


refund_routes = [show_refund, do_refund]
