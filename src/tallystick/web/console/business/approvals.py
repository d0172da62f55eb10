"""What waits for a second person: the list, one of them, approving and declining it; and above which amount."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.money import display_amount, parse_amount
from tallystick.services.reports import debts
from tallystick.services.seller import approvals
from tallystick.services.seller.approvals import Approval, Deed, OwnRequestError, SettledError
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import ConsoleContext, for_staff

PATH: Final = "/console/{business:int}/{environment:str}/approvals"
ONE: Final = f"{PATH}/{{approval_id:str}}"
LISTED: Final = 50

DEEDS: Final = {
    Deed.REFUND.value: "Refund",
    Deed.SETTLE.value: "Settle",
    Deed.WRITE_OFF.value: "Write off",
    Deed.REFUND_BALANCE.value: "Refund a balance:",
    Deed.PAYOUT.value: "Pay out",
}
RULE: Final = {
    "set": "From now on, what is above this amount waits for a second person.",
    "never": "Nothing waits for a second person any more.",
}
OWN: Final = "You asked for this yourself: somebody else has to approve it."
SETTLED: Final = "This was decided already, or nobody decided in time."

Step = Callable[[ConsoleContext, Approval], Awaitable[Response[Any]]]


@get(PATH)
async def show_approvals(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """All of them, newest first, and the amount."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _list(console, done=RULE.get(request.query_params.get("rule", "")))

    return await for_staff(request, business, environment, step)


@post(f"{PATH}/rule", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_set_rule(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Set the amount; an empty one ends it."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        text = typed.get("above", "").strip()
        try:
            above = parse_amount(text) if text else None
        except ValueError:
            problems = {"above": "Enter an amount such as 100.00, or nothing."}
            return await _list(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=problems)
        await approvals.set_rule(console.books, above)
        return go(f"{console.path('approvals')}?rule={'never' if above is None else 'set'}")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@get(ONE)
async def show_approval(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], approval_id: FromPath[str]
) -> Response[Any]:
    """What is asked for, by whom, and what became of it."""

    async def step(console: ConsoleContext, approval: Approval) -> Response[Any]:
        return await _page(console, approval)

    return await _for_approval(request, business, environment, approval_id, step, Permission.VIEW)


@post(f"{ONE}/approve", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_approve(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], approval_id: FromPath[str]
) -> Response[Any]:
    """Approve it, and carry it out."""

    async def step(console: ConsoleContext, approval: Approval) -> Response[Any]:
        try:
            await approvals.approve(console.books, approval)
        except OwnRequestError:
            return await _page(console, approval, status=HTTP_409_CONFLICT, problem=OWN)
        except SettledError:
            return await _page(console, approval, status=HTTP_409_CONFLICT, problem=SETTLED)
        return go(console.path("approvals", approval.approval_id))

    return await _for_approval(request, business, environment, approval_id, step, Permission.MOVE_MONEY)


@post(f"{ONE}/decline", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_decline(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], approval_id: FromPath[str]
) -> Response[Any]:
    """Let it not be done; whoever asked takes it back so."""

    async def step(console: ConsoleContext, approval: Approval) -> Response[Any]:
        try:
            await approvals.decline(console.books, approval)
        except SettledError:
            return await _page(console, approval, status=HTTP_409_CONFLICT, problem=SETTLED)
        return go(console.path("approvals", approval.approval_id))

    return await _for_approval(request, business, environment, approval_id, step, Permission.MOVE_MONEY)


async def _for_approval(
    request: PageRequest, business: int, environment: str, approval_id: str, step: Step, needs: Permission
) -> Response[Any]:
    """Run `step` with one of this seller's. Raises NotFoundException: there is none of this id."""

    async def of_approval(console: ConsoleContext) -> Response[Any]:
        found = await approvals.find(console.books, approval_id)
        if found is None:
            raise NotFoundException
        return await step(console, found)

    return await for_staff(request, business, environment, of_approval, needs)


async def _list(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    above = await approvals.rule_of(console.service, console.business.party_id)
    context: dict[str, Any] = {
        "listed": await approvals.latest(console.books, LISTED),
        "above_micros": above,
        "typed": {} if above is None else {"above": display_amount(above)},
        "others": await approvals.others_who_may(console.books, None),
        "deeds": DEEDS,
        "real_now": console.service.clock(),
        "done": None,
    }
    return console.page("console/business/approvals.html", **(context | more))


async def _page(console: ConsoleContext, approval: Approval, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problem
    found = await approvals.find(console.books, approval.approval_id) or approval
    is_refund, of_balance = found.deed == Deed.REFUND.value, found.deed == Deed.REFUND_BALANCE.value
    of_payout = found.deed == Deed.PAYOUT.value
    amounts = {} if is_refund or of_balance or of_payout else approvals.amounts_of(found)
    tabs = await debts.tabs(console.books, list(amounts)) if amounts else []
    context: dict[str, Any] = {
        "approval": found,
        "deed": DEEDS[found.deed],
        "wish": approvals.wish_of(found) if is_refund else None,
        "payout_wish": approvals.payout_wish_of(found) if of_payout else None,
        "balance_wish": approvals.balance_wish_of(found) if of_balance else None,
        "asked_debts": [(tab, amounts[tab.instrument_id]) for tab in tabs],
        "own": found.asked_by == console.person.party_id,
        "may_go_on": found.open and approvals.can_go_on(console.books, found),
        "waits": found.waits(console.service.clock()),
        "others": await approvals.others_who_may(console.books, found.asked_by),
        "problem": None,
    }
    return console.page("console/business/approval.html", **(context | more))


approval_routes = [show_approvals, do_set_rule, show_approval, do_approve, do_decline]
