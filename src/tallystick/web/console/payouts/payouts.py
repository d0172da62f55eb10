"""A seller's payouts: what is held and what left, asking for one with a preview, when they are made by themselves."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.money import display_amount, parse_amount
from tallystick.domain.refusals import Refused
from tallystick.services.payouts import bank_accounts, calendar, connecting, payouts
from tallystick.services.payouts.payouts import NotReadyError, PayoutPreview, PayoutWish
from tallystick.services.seller import approvals
from tallystick.services.seller.approvals import Approval
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.money_form import read_amount, read_description, read_reference

PATH: Final = "/console/{business:int}/{environment:str}/payouts"
LISTED: Final = 50
PLACE: Final = "Payouts"
EVERY_WORDS: Final = (
    ("never", "Never: only when somebody asks for one"),
    ("day", "Every day"),
    ("week", "Every Monday"),
    ("month", "On the first of the month"),
)
DONE: Final[Mapping[str, str]] = {
    "asked": "The payout is asked for: the cash is set aside.",
    "schedule": "When payouts are made by themselves is changed.",
    "account": "The bank account is changed. Every owner gets a letter.",
}


@get(PATH)
async def show_payouts(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What is held, where payouts go, when they are made by themselves, and all of them, the newest first."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        return await _list(console, books, done=DONE.get(request.query_params.get("done", "")))

    return await with_books(request, business, environment, step, place=PLACE)


@get(f"{PATH}/new")
async def show_new_payout(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Ask how much; once that is said, show what it would do."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed, wish, problems = _read(request.query_params)
        preview = None
        if "amount" in typed and not problems:
            try:
                preview = await payouts.preview(books, wish)
            except Refused as refused:
                problems["amount"] = payouts.refused_in_words(refused)
            except NotReadyError as problem:
                problems["amount"] = str(problem)
        return await _page(console, books, typed, problems, preview)

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place=PLACE)


@post(f"{PATH}/new", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_new_payout(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Ask for it, or for a second person. Idempotent by the form's reference."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed, wish, problems = _read(await form_of(request))
        if "amount" not in typed or problems:
            return await _page(console, books, typed, problems, None)
        try:
            made = await approvals.pay_out(books, wish, typed["reference"])
        except Refused as refused:
            problems["amount"] = payouts.refused_in_words(refused)
            return await _page(console, books, typed, problems, None)
        except NotReadyError as problem:
            problems["amount"] = str(problem)
            return await _page(console, books, typed, problems, None)
        if isinstance(made, Approval):
            return go(console.path("approvals", made.approval_id))
        return go(f"{console.path('payouts')}?done=asked")

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place=PLACE)


@post(f"{PATH}/schedule", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_set_schedule(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Change when payouts are made by themselves."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = await form_of(request)
        problems: dict[str, str] = {}
        every = typed.get("every", "")
        if every not in dict(EVERY_WORDS):
            problems["every"] = "Choose one of these."
        reserve = 0
        try:
            reserve = parse_amount(typed.get("reserve", "").strip() or "0")
        except ValueError:
            problems["reserve"] = "Enter an amount such as 100.00, or nothing."
        if problems:
            return await _list(
                console, books, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=dict(typed), problems=problems
            )
        await calendar.set_schedule(books, None if every == "never" else every, reserve)
        return go(f"{console.path('payouts')}?done=schedule")

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place=PLACE)


def _read(params: Mapping[str, str]) -> tuple[dict[str, str], PayoutWish, dict[str, str]]:
    """The form, what it asks for, and its problems by field. A reference that is none of ours is replaced."""
    typed = {name: params[name].strip() for name in ("amount", "description") if name in params}
    typed["reference"] = read_reference(params)
    problems: dict[str, str] = {}
    amount = read_amount(typed["amount"], "amount", problems, example="250.00") if "amount" in typed else None
    return typed, PayoutWish(amount or 0, read_description(typed, problems)), problems


async def _page(
    console: ConsoleContext,
    books: BookContext,
    typed: Mapping[str, str],
    problems: Mapping[str, str],
    preview: PayoutPreview | None,
) -> Response[Any]:
    totals = await payouts.totals(books)
    return console.page(
        "console/payouts/new.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if problems else HTTP_200_OK,
        totals=totals,
        preview=preview,
        needs_two=preview is not None and await approvals.needs_two(books, preview.amount_micros),
        asked=typed,
        typed={"amount": display_amount(totals.cash_micros)} | dict(typed),
        problems=problems,
    )


async def _list(console: ConsoleContext, books: BookContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems
    before = console.request.query_params.get("before")
    found = await payouts.list_(books, LISTED + 1, _transaction(before))
    schedule = await calendar.find(books)
    set_so = {"every": "never", "reserve": ""}
    if schedule is not None:
        set_so = {"every": schedule.every, "reserve": display_amount(schedule.reserve_micros)}
    context: dict[str, Any] = {
        "words": wording,
        "totals": await payouts.totals(books),
        "destination": await bank_accounts.current(books),
        "recorded": payouts.rail_of(console.service.settings, books.environment) == payouts.RECORDED,
        "connects": connecting.is_way(books),
        "schedule": schedule,
        "every_words": EVERY_WORDS,
        "listed": found[:LISTED],
        "later": before is not None,
        "earlier": found[LISTED - 1].transaction_id if len(found) > LISTED else None,
        "real_now": console.service.clock(),
        "typed": set_so,
        "problems": {},
        "done": None,
    }
    return console.page("console/payouts/list.html", **(context | more))


def _transaction(text: str | None) -> TransactionId | None:
    try:
        return None if text is None or not book_of_transaction(text) else TransactionId(text)
    except MalformedIdError:
        return None


payout_routes = [show_payouts, show_new_payout, do_new_payout, do_set_schedule]
