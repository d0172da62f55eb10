"""Verification runs: request one, look at what they found."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.operations import verification
from tallystick.web.admin.guard import HOME, LARGEST, OperatorContext, for_operator
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, go

LISTED: Final = 20
PLACE: Final = f"{HOME}/verification"

CHECKS: Final = {
    "balances_follow_from_transfers": "The transfers of every account, replayed from nothing, sum to its balance",
    "books_sum_to_zero": "Debits equal credits in every book",
    "books_have_their_mirror": "Every seller's book has its part of the operator's book",
    "fee_income_is_not_negative": "The operator has given back no more fees than it took",
    "archived_balances_sum_to_zero": "Debits equal credits in what the archive carries over",
    "prepaid_balances_within_bounds": "No prepaid balance is below zero or above what was funded",
    "instruments_have_their_accounts": "The account of every instrument is its own",
    "debts_within_bounds": "No debt is below zero or above its limit",
    "instruments_agree_with_transactions": "What instruments count is what their transactions say",
    "transactions_moved_what_they_say": "Every transaction of an instrument moved its amount once, on its account",
    "own_transfers_are_of_payments": "What is its own transfer is a payment from a balance or on a tab, and is so once",
    "real_money_moved_as_transactions_say": "Real money moved as transactions say, in every book, deposits included",
    "transfers_have_transactions": "No money moved without a transaction",
    "refunds_agree": "What was refunded is what the refunds say, and never more than was paid",
    "cash_is_owed": "Each seller's cash is what the operator's book owes that seller",
    "pending_charges_are_being_asked_for": "Every pending transaction has a rail that is being asked",
    "references_have_transactions": "Every remembered answer names a transaction that exists",
    "rails_are_those_of_payments": "What moved at a rail belongs to payments that went through it",
    "simulated_rail_agrees": "The simulated rail took money exactly for what the books call paid",
    "rail_movements_are_booked": "What rails kept for their service or paid to the bank is booked as they said, once",
    "fees_given_back_agree": "What was given back of a fee is what the refunds say, and never more than the fee",
    "time_goes_on": "Nothing happened before what led to it, and transactions came in the order of their ids",
    "acknowledged_transactions_are_there": "What callers were told of last is there: the database was not set back",
    "statuses_follow_each_other": "Each status of a transaction may follow the one before it",
    "audit_log_is_whole": "No entry of the audit log was changed, taken out or put in since it was chained",
    "agreements_are_whole": "Nothing that was agreed to was changed, taken out or put in since it was chained",
}
"""What each check proves, for people; one that is missing here shows its name.

They are those of store/ledger/sql/verify.sql, and of store/chains/check.py.
"""


@get(PLACE)
async def show_runs(request: PageRequest) -> Response[Any]:
    """The latest runs."""

    async def step(operator: OperatorContext) -> Response[Any]:
        before = operator.asked_number("before")
        found = await verification.latest(operator.service, LISTED + 1, before)
        shown = found[:LISTED]
        return operator.page(
            "admin/verification.html",
            runs=shown,
            at_it=any(run.finished_at is None for run in shown),
            newer=PLACE if before is not None else "",
            older=f"{PLACE}?before={shown[-1].run_id}" if len(found) > LISTED else "",
            done=operator.asked("done"),
        )

    return await for_operator(request, step)


@post(PLACE, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_verify(request: PageRequest) -> Response[Any]:
    """Request a run; a worker carries it out."""

    async def step(operator: OperatorContext) -> Response[Any]:
        await verification.ask(operator.service, operator.actor)
        return go(f"{PLACE}?done=asked")

    return await for_operator(request, step)


@get(f"{PLACE}/{{run:int}}")
async def show_run(request: PageRequest, run: FromPath[int]) -> Response[Any]:
    """One run: its scope, each check, every problem."""

    async def step(operator: OperatorContext) -> Response[Any]:
        found = await verification.find(operator.service, run) if run <= LARGEST else None
        if found is None:
            raise NotFoundException
        return operator.page("admin/verification_run.html", run=found, meanings=CHECKS)

    return await for_operator(request, step)
