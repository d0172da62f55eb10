"""A second person for what moves much money from the console: refunds, settlements and write-offs above an amount.

What would be done is written down as it was shown, with the amounts fixed, and the books are not touched. Whoever
approves it carries it out by the same use cases, under the reference that the asker's form had: however often it is
approved, and whatever breaks in between, money moves once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, unique
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.commands import RefundPolicy
from tallystick.domain.ids import InstrumentId, TransactionId
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import PASSING, Refusal, Refused
from tallystick.services.operations import audit
from tallystick.services.payouts import payouts
from tallystick.services.payouts.payouts import NotReadyError, PayoutWish
from tallystick.services.seller import balance_refunds, debt_runs, manual_operations
from tallystick.services.seller.balance_refunds import BalanceRefundWish
from tallystick.services.seller.debt_runs import DebtAction
from tallystick.services.seller.manual_operations import RefundWish
from tallystick.services.seller.staff import Permission, StaffRole, may, people_of
from tallystick.store.queries import debts, instrument_list
from tallystick.store.records import approvals
from tallystick.store.records.approvals import Approval

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.debts import DebtRun
    from tallystick.store.queries.instrument_list import InstrumentRecord

__all__ = [
    "Approval",
    "Deed",
    "OwnRequestError",
    "SettledError",
    "amounts_of",
    "approve",
    "balance_wish_of",
    "can_go_on",
    "count_waiting",
    "decline",
    "find",
    "latest",
    "needs_two",
    "others_who_may",
    "pay_out",
    "payout_wish_of",
    "refund",
    "refund_balance",
    "rule_of",
    "set_rule",
    "start_run",
    "wish_of",
]

LIFE: Final = timedelta(days=7)
"""How long something waits for a second person."""


@unique
class Deed(Enum):
    """What can be asked for."""

    REFUND = "refund"
    SETTLE = "settle"
    WRITE_OFF = "write_off"
    REFUND_BALANCE = "refund_balance"
    PAYOUT = "payout"


class OwnRequestError(Exception):
    """Whoever asked would approve it."""


class SettledError(Exception):
    """It was decided already, or nobody decided in time."""


async def rule_of(service: Service, business_id: PartyId) -> int | None:
    """Above which amount, in micro-units, a seller wants a second person; None: never."""
    return await approvals.rule(service.pool, business_id)


async def set_rule(books: BookContext, above_micros: int | None) -> None:
    """Want a second person above this amount; None: never. For the sandbox and live alike."""
    now = books.service.clock()
    async with books.service.pool.acquire() as connection, connection.transaction():
        before = await approvals.rule(connection, books.seller_id)
        await approvals.set_rule(connection, books.seller_id, above_micros, now)
        await _record(connection, books, "approval.rule", "", before=_in_words(before), now=_in_words(above_micros))


async def needs_two(books: BookContext, amount_micros: int) -> bool:
    """Whether this seller wants a second person for so much."""
    above = await rule_of(books.service, books.seller_id)
    return above is not None and amount_micros > above


async def others_who_may(books: BookContext, person_id: PartyId | None) -> int:
    """How many of the seller's people besides this one could approve; None: besides nobody."""
    people = await people_of(books.service, books.seller_id)
    return sum(may(StaffRole(one.role), Permission.MOVE_MONEY) for one in people if one.person_id != person_id)


async def refund(books: BookContext, wish: RefundWish, reference: str) -> Accepted | Approval:
    """Refund, or ask for a second person; either only once under one reference. Raises Refused."""
    above = await rule_of(books.service, books.seller_id)
    if above is None:
        return await manual_operations.refund(books, wish, reference)
    preview = await manual_operations.preview_refund(books, wish, reference)
    if isinstance(preview, Accepted):
        return preview
    if preview.amount_micros <= above:
        return await manual_operations.refund(books, wish, reference)
    content = {
        "original": wish.original_id,
        "amount_micros": preview.amount_micros,
        "policy": wish.policy.value,
        "description": wish.description,
    }
    return await _ask(books, Deed.REFUND, reference, preview.amount_micros, content)


async def refund_balance(
    books: BookContext, held: InstrumentRecord, wish: BalanceRefundWish, reference: str
) -> list[TransactionId] | Approval:
    """Give back what was not spent, or ask for a second person; only once under one reference. Raises Refused."""
    if await needs_two(books, wish.amount_micros or held.balance_micros):
        preview = await balance_refunds.preview(books, held, wish)
        content = {
            "instrument": wish.instrument_id,
            "amount_micros": preview.amount_micros,
            "description": wish.description,
        }
        return await _ask(books, Deed.REFUND_BALANCE, reference, preview.amount_micros, content)
    return await balance_refunds.refund(books, held, wish, reference)


async def pay_out(books: BookContext, wish: PayoutWish, reference: str) -> Accepted | Approval:
    """Pay out, or ask for a second person; only once under one reference. Raises Refused, NotReadyError."""
    if wish.amount_micros is not None and await needs_two(books, wish.amount_micros):
        preview = await payouts.preview(books, wish)
        content = {"amount_micros": preview.amount_micros, "description": wish.description}
        return await _ask(books, Deed.PAYOUT, reference, preview.amount_micros, content)
    return await payouts.request(books, wish, reference)


async def start_run(
    books: BookContext, action: DebtAction, run_id: str, by: PartyId, amounts: Mapping[InstrumentId, int]
) -> DebtRun | Approval:
    """Settle or write debts off, or ask for a second person; either only once under one id. Raises Refused."""
    total = sum(amounts.values())
    begun = await debts.run(books.service.pool, books.parts, run_id) is not None
    if begun or not await needs_two(books, total):
        return await debt_runs.begin(books, action, run_id, by, amounts)
    return await _ask(books, Deed(action.value), run_id, total, {"amounts": dict(amounts)})


async def find(books: BookContext, approval_id: str) -> Approval | None:
    """One of this seller's; None where there is none."""
    return await approvals.find(books.service.pool, books.seller_id, books.environment, approval_id)


async def latest(books: BookContext, maximum: int) -> list[Approval]:
    """This seller's, the newest first."""
    return await approvals.latest(books.service.pool, books.seller_id, books.environment, maximum)


async def count_waiting(books: BookContext) -> int:
    """How many of this seller's wait for somebody."""
    now = books.service.clock()
    return await approvals.count_waiting(books.service.pool, books.seller_id, books.environment, now)


async def approve(books: BookContext, approval: Approval) -> Approval:
    """Approve and carry out; what was approved and not carried out, as after a crash, is carried out now.

    Raises OwnRequestError; SettledError, also where it was approved so long ago that its reference may be forgotten.
    What the books refuse is the result; a transient refusal leaves it open.
    """
    person_id = _person(books)
    if approval.asked_by == person_id:
        raise OwnRequestError
    await _decide(books, approval, "approved", person_id)
    approved = await find(books, approval.approval_id)
    if approved is None or approved.decision != "approved":
        raise SettledError
    if approved.open:
        if not can_go_on(books, approved):
            raise SettledError
        await _carry_out(books, approved)
    return await find(books, approval.approval_id) or approved


async def decline(books: BookContext, approval: Approval) -> None:
    """Let it not be done; whoever asked takes it back so. Raises SettledError."""
    if not await _decide(books, approval, "declined", _person(books)):
        raise SettledError


def can_go_on(books: BookContext, approval: Approval) -> bool:
    """Whether what was approved and not carried out still can be: later, it might have been done already, unnoticed."""
    return approval.decided_at is None or books.service.clock() - approval.decided_at < debt_runs.GO_ON_WITHIN


def wish_of(approval: Approval) -> RefundWish:
    """The refund that was asked for."""
    content = approval.content
    return RefundWish(
        TransactionId(content["original"]),
        content["amount_micros"],
        RefundPolicy(content["policy"]),
        content["description"],
    )


def balance_wish_of(approval: Approval) -> BalanceRefundWish:
    """The refund of a balance that was asked for."""
    content = approval.content
    return BalanceRefundWish(InstrumentId(content["instrument"]), content["amount_micros"], content["description"])


def payout_wish_of(approval: Approval) -> PayoutWish:
    """The payout that was asked for."""
    return PayoutWish(approval.content["amount_micros"], approval.content["description"])


def amounts_of(approval: Approval) -> dict[InstrumentId, int]:
    """The debts that were asked for, in micro-units."""
    return {InstrumentId(name): int(micros) for name, micros in approval.content["amounts"].items()}


async def _ask(
    books: BookContext, deed: Deed, reference: str, amount_micros: int, content: Mapping[str, Any]
) -> Approval:
    """Raises Refused: something else was asked for under this reference."""
    now = books.service.clock()
    async with books.service.pool.acquire() as connection, connection.transaction():
        new = await approvals.ask(
            connection,
            reference,
            books.seller_id,
            books.environment,
            deed=deed.value,
            amount_micros=amount_micros,
            content=content,
            asked_by=_person(books),
            asked_at=now,
            expires_at=now + LIFE,
        )
        if new:
            amount = display_amount(amount_micros)
            await _record(connection, books, "approval.ask", reference, deed=deed.value, amount=amount)
    asked = await find(books, reference)
    if asked is None or asked.deed != deed.value or dict(asked.content) != dict(content):
        raise Refused(Refusal.DuplicateRequest, "Something else was asked for with this form already.")
    return asked


async def _decide(books: BookContext, approval: Approval, decision: approvals.Decision, by: PartyId) -> bool:
    async with books.service.pool.acquire() as connection, connection.transaction():
        decided = await approvals.decide(connection, approval.approval_id, decision, by, books.service.clock())
        if decided:
            action = "approval.approve" if decision == "approved" else "approval.decline"
            amount = display_amount(approval.amount_micros)
            details = {"deed": approval.deed, "amount": amount, "asked_by": approval.asker_email}
            await _record(connection, books, action, approval.approval_id, **details)
    return decided


async def _carry_out(books: BookContext, approval: Approval) -> None:
    service, now = books.service, books.service.clock()
    try:
        if approval.deed == Deed.REFUND.value:
            accepted = await manual_operations.refund(books, wish_of(approval), approval.approval_id)
            result = str(accepted.transaction_id)
        elif approval.deed == Deed.PAYOUT.value:
            result = str((await payouts.request(books, payout_wish_of(approval), approval.approval_id)).transaction_id)
        elif approval.deed == Deed.REFUND_BALANCE.value:
            wish = balance_wish_of(approval)
            await balance_refunds.refund(books, await _balance(books, wish), wish, approval.approval_id)
            result = wish.instrument_id
        else:
            action, amounts = DebtAction(approval.deed), amounts_of(approval)
            result = (await debt_runs.begin(books, action, approval.approval_id, approval.asked_by, amounts)).run_id
    except NotReadyError as problem:
        await approvals.close(service.pool, approval.approval_id, str(problem), now, refused=True)
        return
    except Refused as refused:
        if refused.refusal not in PASSING:  # which did nothing, and are worth another try
            await approvals.close(service.pool, approval.approval_id, refused.message, now, refused=True)
        return
    await approvals.close(service.pool, approval.approval_id, result, now)


async def _balance(books: BookContext, wish: BalanceRefundWish) -> InstrumentRecord:
    held = await instrument_list.instrument(books.service.pool, books.parts, wish.instrument_id)
    if held is None:
        raise TypeError("a balance was asked for that is none of theirs")
    return held


async def _record(connection: Connection, books: BookContext, action: str, subject: str, **details: str) -> None:
    await audit.record(
        connection,
        books.actor,
        action,
        subject,
        business_id=books.seller_id,
        environment=books.environment,
        details=details,
        at=books.service.clock(),
    )


def _person(books: BookContext) -> PartyId:
    """Two people are two accounts: a command on the machine is nobody's."""
    if books.actor.party_id is None:
        raise TypeError("only people ask and approve")
    return books.actor.party_id


def _in_words(above_micros: int | None) -> str:
    return "never" if above_micros is None else f"above {display_amount(above_micros)}"
