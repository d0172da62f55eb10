"""Debts by age; settling or writing off one or many: the preview, the run, the result for each debt."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.ids import InstrumentId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.domain.refusals import Refused
from tallystick.services.reports import debts, holdings_export, transactions
from tallystick.services.reports.debts import LONGEST_AGE, Age, DebtRun, Tab
from tallystick.services.seller import approvals, debt_runs, manual_operations
from tallystick.services.seller.approvals import Approval
from tallystick.services.seller.debt_runs import MAX_DEBTS, DebtAction, Planned
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.money_form import read_amount

PLACE: Final = "Debts"
_AGES: Final = {"30": Age.OVER_30, "60": Age.OVER_60, "90": Age.OVER_90}
_MAX_TEXT: Final = 128


def _typed(request: PageRequest) -> dict[str, str]:
    """The filter in the address."""
    params = request.query_params
    text = params.get("q", "").strip().replace("\0", "")[:_MAX_TEXT]
    given = {"q": text, "age": params.get("age", ""), "size": params.get("size", "")}
    return {name: value for name, value in given.items() if value}


def _below(typed: Mapping[str, str]) -> int | None:
    """Below which amount debts are shown, in micro-units; None: all."""
    return MICROS_PER_MINOR_UNIT if typed.get("size") == "dust" else None


@get("/console/{business:int}/{environment:str}/debts")
async def show_debts(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What is owed, those debts with the oldest parts first."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        params, typed = request.query_params, _typed(request)
        after = params.get("after")
        listed = await debts.list_(
            books,
            MAX_DEBTS,
            age=_AGES.get(typed.get("age", ""), Age.ANY),
            text=typed.get("q"),
            after=after,
            below_micros=_below(typed),
        )
        gone = await transactions.archived_before(books)
        return console.page(
            "console/books/debts.html",
            listed=listed,
            archived_before=gone if gone is not None and gone > console.now - LONGEST_AGE else None,
            later=after is not None,
            query=f"?{urlencode(typed)}" if typed else "",
            older=f"?{urlencode({**typed, 'after': listed.after})}" if listed.after else "",
            here=f"?{urlencode(typed | ({} if after is None else {'after': after}) | {'all': 'yes'})}",
            all_chosen="all" in params,
            run_id=manual_operations.new_reference(),
            may_move=console.may(Permission.MOVE_MONEY),
            problems={"debt": "Choose at least one debt."} if "none" in params else {},
            typed=typed,
        )

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/debts.csv")
async def show_debts_csv(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """All debts that the same filter lets pass, as a stream."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = _typed(request)
        age = _AGES.get(typed.get("age", ""), Age.ANY)
        content = await holdings_export.export_debts(books, age, typed.get("q"), urlencode(typed), _below(typed))
        return console.csv("debts", content)

    return await with_books(request, business, environment, step, place=PLACE)


@get("/console/{business:int}/{environment:str}/debts/preview")
async def show_debt_preview(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Preview settling or writing off the chosen debts. From here on the address carries the run's id."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        params = request.query_params
        deed = next((each for each in DebtAction if each.value == params.get("deed")), None)
        chosen = params.getall("debt", [])
        if deed is None or not chosen:
            return go(f"{console.path('debts')}?none")
        run_id = params.get("run", "")
        if not manual_operations.is_reference(run_id):
            return go(f"{_preview_path(console, deed, chosen, manual_operations.new_reference())}")
        if await debts.run(books, run_id) is not None:
            return go(console.path("debts", "runs", run_id))
        tabs = await debts.tabs(books, chosen[:MAX_DEBTS])
        if len(tabs) < len(set(chosen[:MAX_DEBTS])):
            raise NotFoundException
        return await _preview(console, books, deed, tabs, run_id)

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place=PLACE)


@post("/console/{business:int}/{environment:str}/debts/runs", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_debt_run(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Settle or write off what the preview showed. Idempotent by the run's id.

    If an amount has changed since, nothing is moved: the preview is shown again with the new amount.
    """

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        form = await request.form()
        deed = next((each for each in DebtAction if each.value == form.get("deed")), None)
        amounts = _amounts(form.getall("line", []))
        run_id = form.get("run", "")
        if deed is None or not amounts or not manual_operations.is_reference(run_id):
            return go(f"{console.path('debts')}?none")
        known = await debts.tabs(books, list(amounts))
        if len(known) < len(amounts):
            raise NotFoundException
        shown, looks = form.get("shown", ""), form.get("do") == "look"
        amount = str(form.get("amount", shown)).strip()[:_MAX_TEXT]
        if len(amounts) == 1 and (looks or amount != shown):
            more = {"amount": amount} if looks else {"amount": amount, "changed": "yes"}
            return go(f"{_preview_path(console, deed, list(amounts), run_id)}&{urlencode(more)}")
        try:
            begun = await approvals.start_run(books, deed, run_id, console.person.party_id, amounts)
        except Refused:  # these or other debts were asked for with this form before
            return go(console.path("approvals", run_id))
        if isinstance(begun, Approval):
            return go(console.path("approvals", begun.approval_id))
        return go(console.path("debts", "runs", begun.run_id))

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY, place=PLACE)


@get("/console/{business:int}/{environment:str}/debts/runs/{run_id:str}")
async def show_debt_run(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], run_id: FromPath[str]
) -> Response[Any]:
    """The progress of a run, debt by debt."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        run = await _find(books, run_id)
        lines = await debts.run_lines(books, run_id)
        decided = [line for line in lines if line.refusal is not None or line.status in {"Success", "Failure"}]
        in_archive = [line for line in lines if line.transaction_id is not None and line.status is None]
        return console.page(
            "console/books/debt_run.html",
            words=wording,
            run=run,
            lines=lines,
            decided=len(decided) + len(in_archive),
            archived=in_archive,
            opened=[line for line in lines if debt_runs.is_open(line)],
            pending=[line for line in lines if line.status == "Pending"],
            failed=[line for line in decided if line.status != "Success"],
            moved_micros=sum(line.moved_micros or 0 for line in lines if line.status == "Success"),
            fee_micros=sum(line.fee_micros or 0 for line in lines if line.status == "Success"),
            may_move=console.may(Permission.MOVE_MONEY),
            may_go_on=debt_runs.can_go_on(books, run),
        )

    return await with_books(request, business, environment, step)


@post("/console/{business:int}/{environment:str}/debts/runs/{run_id:str}", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_go_on(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], run_id: FromPath[str]
) -> Response[Any]:
    """Resume a run: carry out what it could not the first time."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        run = await _find(books, run_id)
        await debt_runs.go_on(books, run)
        return go(console.path("debts", "runs", run_id))

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY)


async def _preview(
    console: ConsoleContext, books: BookContext, deed: DebtAction, tabs: Sequence[Tab], run_id: str
) -> Response[Any]:
    """The preview. The amount can be edited where a single debt was chosen."""
    typed = {name: text for name in ("amount",) if (text := console.request.query_params.get(name, "").strip())}
    problems: dict[str, str] = {}
    amount: int | None = None
    if typed and len(tabs) == 1:
        amount = read_amount(typed["amount"], "amount", problems)
    planned = await debt_runs.plan(books, deed, tabs, amount)
    if len(planned) == 1 and planned[0].refused is not None:
        problems.setdefault("amount", planned[0].refused.message)
    ready = [] if problems else [each for each in planned if each.refused is None]
    amount_micros = sum(each.amount_micros for each in ready)
    return console.page(
        "console/books/debt_preview.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if problems else HTTP_200_OK,
        words=wording,
        deed=deed,
        planned=planned,
        ready=ready,
        left_out=len(planned) - len(ready),
        amount_micros=amount_micros,
        needs_two=await approvals.needs_two(books, amount_micros),
        fee_micros=sum(each.fee_micros for each in ready),
        waits=any(each.pending for each in ready),
        line_of=_line_of,
        run_id=run_id,
        changed="changed" in console.request.query_params,
        other=_preview_path(
            console, _other(deed), [tab.instrument_id for tab in tabs], manual_operations.new_reference()
        ),
        typed=typed,
        problems=problems,
    )


async def _find(books: BookContext, run_id: str) -> DebtRun:
    """A run of this seller's book. Raises NotFoundException."""
    found = await debts.run(books, run_id)
    if found is None:
        raise NotFoundException
    return found


def _preview_path(console: ConsoleContext, deed: DebtAction, chosen: Sequence[str], run_id: str) -> str:
    query = urlencode([("deed", deed.value), ("run", run_id), *(("debt", each) for each in chosen[:MAX_DEBTS])])
    return f"{console.path('debts', 'preview')}?{query}"


def _other(deed: DebtAction) -> DebtAction:
    return DebtAction.WRITE_OFF if deed is DebtAction.SETTLE else DebtAction.SETTLE


def _line_of(planned: Planned) -> str:
    """A debt and how much of it, as the form of the preview carries them."""
    return f"{planned.tab.instrument_id}:{planned.amount_micros}"


def _amounts(lines: Sequence[object]) -> dict[InstrumentId, int]:
    """The debts in a form, in micro-units; fields that no preview wrote are ignored."""
    amounts: dict[InstrumentId, int] = {}
    for line in lines[:MAX_DEBTS]:
        instrument_id, _, micros = str(line).partition(":")
        if micros.isascii() and micros.isdecimal() and 0 < len(micros) <= len("9" * 18) and int(micros) > 0:
            amounts[InstrumentId(instrument_id.replace("\0", ""))] = int(micros)
    return amounts


debt_routes = [show_debts, show_debts_csv, show_debt_preview, do_debt_run, show_debt_run, do_go_on]
