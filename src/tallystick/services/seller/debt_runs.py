"""Settling or writing off one debt or many: a dry run, the run, and its result for each debt.

Every debt of a run has a caller reference of its own, made of the run's: resuming a run, after a crash or a
second click, moves nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.commands import SettleDebt, WriteOffDebt
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.ids import book_named_in
from tallystick.domain.money import display_amount, is_dust, whole_minor_units
from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.refusals import PASSING, Refusal, Refused
from tallystick.services.operations import audit
from tallystick.services.seller.manual_operations import new_reference
from tallystick.store.ledger.dry_run import dry_run
from tallystick.store.queries import debts

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId
    from tallystick.domain.outcomes import Outcome
    from tallystick.domain.state import Decision
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.debts import DebtRun, RunLine, Tab

MAX_DEBTS: Final = 50
"""Debts that one run takes in at most."""

GO_ON_WITHIN: Final = REFERENCE_LIFETIME - timedelta(days=1)
"""How long a run can be resumed. Later its references are forgotten: what was done unnoticed would be done twice."""

_SUFFIX: Final = 8  # last characters of an instrument's id: 7 of its check, 1 random

_log = structlog.get_logger(__name__)


@unique
class DebtAction(Enum):
    """What is done to the debts of a run."""

    SETTLE = "settle"
    WRITE_OFF = "write_off"


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of one debt, in micro-units: `amount_micros` settled or written off, or why not.

    `pending`: a payment network is asked first.
    """

    tab: Tab
    amount_micros: int
    fee_micros: int = 0
    pending: bool = False
    refused: Refused | None = None


def whole(action: DebtAction, tab: Tab) -> int:
    """All of a debt that can be settled (in whole cents) or written off now, in micro-units."""
    return whole_minor_units(tab.open_micros) if action is DebtAction.SETTLE else tab.open_micros


async def plan(
    books: BookContext, action: DebtAction, tabs: Sequence[Tab], amount_micros: int | None = None
) -> list[Planned]:
    """What would become of each debt now; `amount_micros` of each, or all of it."""
    amounts = [whole(action, tab) if amount_micros is None else amount_micros for tab in tabs]
    decisions = await _dry_run(books, action, tabs, amounts)
    planned = [Planned(tab, amount, refused=_none_of(tab)) for tab, amount in zip(tabs, amounts, strict=True)]
    for number, decision in decisions.items():
        tab = tabs[number]
        if isinstance(decision.outcome, Refused):
            planned[number] = Planned(tab, amounts[number], refused=decision.outcome)
            continue
        (made,) = decision.transactions
        planned[number] = Planned(
            tab,
            made.amount_micros,
            fee_micros=made.fee_micros,
            pending=made.status is TransactionStatus.PENDING,
        )
    return planned


def _none_of(tab: Tab) -> Refused:
    """Why no whole amount of a debt is there."""
    if is_dust(tab.open_micros):
        message = "Less than a cent is owed, which cannot be settled by itself. It can be written off."
        return Refused(Refusal.AmountOutOfRange, message)
    return Refused(Refusal.SettleAmountGreaterThanDebt, "Nothing is owed that is not being settled already.")


async def _dry_run(
    books: BookContext, action: DebtAction, tabs: Sequence[Tab], amounts: Sequence[int]
) -> dict[int, Decision]:
    """A dry run over the tabs that have an amount, in each book: the decisions by the number of the tab."""
    run_id = new_reference()
    numbers: dict[BookId, list[int]] = {}
    for number, amount in enumerate(amounts):
        if amount > 0:
            numbers.setdefault(book_named_in(tabs[number].instrument_id), []).append(number)
    decided: dict[int, Decision] = {}
    for book_id, here in numbers.items():
        commands = [
            _command(books, action, run_id, tab.instrument_id, tab.settlement_token_id, amounts[number])
            for number, tab in ((number, tabs[number]) for number in here)
        ]
        decided |= zip(here, await dry_run(books.service.committer, book_id, commands), strict=True)
    return decided


async def begin(
    books: BookContext, action: DebtAction, run_id: str, by: PartyId, amounts: Mapping[InstrumentId, int]
) -> DebtRun:
    """Record a run and carry it out. `amounts` in micro-units. Idempotent by `run_id`.

    The row in the audit log is in the commit that records the run, so it is there before any money moves.
    """
    now = books.service.clock()
    async with books.service.pool.acquire() as connection, connection.transaction():
        new = await debts.begin_run(
            connection,
            run_id,
            deed=action.value,
            by=by,
            amounts=list(amounts.items()),
            now=now,
        )
        if new:
            await audit.record(
                connection,
                books.actor,
                f"debts.{action.value}",
                run_id,
                business_id=books.seller_id,
                environment=books.environment,
                details={"debts": len(amounts), "amount": display_amount(sum(amounts.values()))},
                at=now,
            )
    run = await debts.run(books.service.pool, books.parts, run_id)
    if run is None:
        raise LookupError(run_id)
    await _carry_out(books, run)
    return run


async def go_on(books: BookContext, run: DebtRun) -> None:
    """Resume a run: carry out its lines that have no answer yet. Audited when there were any."""
    if count := await _carry_out(books, run):
        await books.record("debts.go_on", run.run_id, debts=count)


async def _carry_out(books: BookContext, run: DebtRun) -> int:
    """How many debts were answered. A line that failed for a transient reason stays open, to be resumed later."""
    if not can_go_on(books, run):
        return 0
    lines = [line for line in await debts.run_lines(books.service.pool, books.parts, run.run_id) if is_open(line)]
    results = await asyncio.gather(*(_perform(books, run, line) for line in lines))
    answers = [(line.instrument_id, outcome) for line, outcome in zip(lines, results, strict=True) if outcome]
    if answers:
        await debts.answer_lines(books.service.pool, run.run_id, answers)
    return len(answers)


def can_go_on(books: BookContext, run: DebtRun) -> bool:
    """Whether the references of a run are still remembered, so that resuming it does nothing twice."""
    return books.service.clock() - run.started_at < GO_ON_WITHIN


def is_open(line: RunLine) -> bool:
    """Whether a line of a run still waits to be carried out."""
    return line.transaction_id is None and line.refusal is None


async def _perform(books: BookContext, run: DebtRun, line: RunLine) -> Outcome | None:
    action = DebtAction(run.deed)
    command = _command(books, action, run.run_id, line.instrument_id, line.settlement_token_id, line.amount_micros)
    try:
        outcome = await books.service.committer.perform(book_named_in(line.instrument_id), command)
    except Exception as error:  # noqa: BLE001 - whatever it was: this line stays open, the others go on
        _log.warning("debt_not_reached", run_id=run.run_id, instrument_id=line.instrument_id, error=repr(error))
        return None
    if isinstance(outcome, Refused) and outcome.refusal in PASSING:
        return None  # nothing was done, and the reference is still free
    return outcome


def _command(
    books: BookContext,
    action: DebtAction,
    run_id: str,
    instrument_id: InstrumentId,
    token_id: TokenId,
    amount_micros: int,
) -> SettleDebt | WriteOffDebt:
    book_id = book_named_in(instrument_id)
    reference = f"{run_id}-{instrument_id[-_SUFFIX:]}"
    content = [("CreditInstrumentId", instrument_id), ("Amount", str(amount_micros))]
    if action is DebtAction.SETTLE:
        request = books.request(book_id, "SettleDebt", reference, [("SenderTokenId", token_id), *content])
        return SettleDebt(request, token_id, instrument_id, amount_micros)
    return WriteOffDebt(books.request(book_id, "WriteOffDebt", reference, content), instrument_id, amount_micros)
