"""Every rule about money: `decide(state, command, now)` is pure, and the only way in.

Checks of a money action run in this order, so that a caller always hears of the same fault first:
reference, seller's account, token, sender's account, instrument, amount, limits, simulated faults, funds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import force_setattr

from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Cancel,
    CancelToken,
    Command,
    FundPrepaid,
    InstallToken,
    MoneyCommand,
    Pay,
    RecordRefund,
    Refund,
    RefundFunding,
    RequestPayout,
    Reserve,
    ReturnPayout,
    Settle,
    SettleDebt,
    WriteOffDebt,
    is_money_command,
)
from tallystick.domain.decide.authorize import authorize_postpaid, authorize_prepaid, cancel_token
from tallystick.domain.decide.charges import fund_prepaid, settle_debt
from tallystick.domain.decide.disputes.dispute import collect_due, dispute_moved
from tallystick.domain.decide.install import install_token
from tallystick.domain.decide.operators.book_movement import book_movement
from tallystick.domain.decide.operators.deposit import deposit
from tallystick.domain.decide.outgoing.payouts import request_payout, resolve_payout, return_payout
from tallystick.domain.decide.outgoing.recorded_refund import record_refund
from tallystick.domain.decide.outgoing.refund_funding import refund_funding
from tallystick.domain.decide.outgoing.refund_reversal import reverse_refund
from tallystick.domain.decide.pay import pay
from tallystick.domain.decide.refund import refund
from tallystick.domain.decide.reservations import cancel, reserve, settle
from tallystick.domain.decide.resolve import resolve_charge, return_charge
from tallystick.domain.decide.write_off import write_off_debt
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.rails.commands import (
    BookMovement,
    CollectDue,
    Deposit,
    DisputeMoved,
    ResolveCharge,
    ResolvePayout,
    ReturnCharge,
    ReverseRefund,
)
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, IdempotencyRecord, State

__all__ = ["REFERENCE_LIFETIME", "decide", "decide_all"]

REFERENCE_LIFETIME: Final = timedelta(days=7)
"""How long requests are answered as before and refusals spend a reference. Source: docs/protocol/semantics.md, 4."""

_OF_ANOTHER: Final = "The request repeats the caller reference of a different request and cannot be executed."

_RULES: Final[dict[type, Callable[[State, Any, datetime], Decision]]] = {
    FundPrepaid: fund_prepaid,
    Pay: pay,
    Reserve: reserve,
    Settle: settle,
    Cancel: cancel,
    SettleDebt: settle_debt,
    WriteOffDebt: write_off_debt,
    Refund: refund,
    RefundFunding: refund_funding,
    RecordRefund: record_refund,
    CancelToken: cancel_token,
    AuthorizePrepaid: authorize_prepaid,
    AuthorizePostpaid: authorize_postpaid,
    InstallToken: install_token,
    ResolveCharge: resolve_charge,
    RequestPayout: request_payout,
    ResolvePayout: resolve_payout,
    ReturnPayout: return_payout,
    ReturnCharge: return_charge,
    ReverseRefund: reverse_refund,
    Deposit: deposit,
    BookMovement: book_movement,
    DisputeMoved: dispute_moved,
    CollectDue: collect_due,
}


def decide(state: State, command: Command, now: datetime) -> Decision:
    """Decide `command` against `state` at `now`; neither is changed. A refusal is returned as the outcome."""
    if is_money_command(command):
        return _decide_once_per_reference(state, command, now)
    return _decide(state, command, now)


def decide_all(state: State, commands: Iterable[Command], now: datetime) -> list[Decision]:
    """Decide `commands` in order. Each decision is applied to `state` before the next command is decided."""
    decisions = []
    for command in commands:
        decision = decide(state, command, now)
        state.apply(decision)
        decisions.append(decision)
    return decisions


def _decide(state: State, command: Command, now: datetime) -> Decision:
    try:
        return _RULES[type(command)](state, command, now)
    except Refused as refused:
        return Decision(refused.with_traceback(None))


def _decide_once_per_reference(state: State, command: MoneyCommand, now: datetime) -> Decision:
    """Answer a known reference as before; a different request under it is refused; a new one is decided.

    Source: docs/protocol/semantics.md, 4: the same request gives the first answer again, also when that was a refusal.
    A repeated refusal says when it was first given, since its reason may no longer hold.
    When the first answer can no longer be told, the reference of a transaction stays spent.
    """
    request = command.request
    earlier = state.answered.get(request.caller_reference)
    if earlier is None:
        if request.caller_reference in state.spent_elsewhere:
            return Decision(Refused(Refusal.DuplicateRequest, _OF_ANOTHER))
        decision = _decide(state, command, now)
        if not request.refusal_spends and isinstance(decision.outcome, Refused):
            return decision
        answered = IdempotencyRecord(request.fingerprint, _when_repeated(decision.outcome, now))
        force_setattr(decision, "answered", (request.caller_reference, answered))  # frozen, but not shared yet
        return decision
    if earlier.is_of(request.fingerprint):
        return Decision(earlier.outcome)
    if earlier.fingerprint is None and isinstance(earlier.outcome, Accepted):
        message = f"The caller reference was spent by transaction {earlier.outcome.transaction_id}."
        return Decision(Refused(Refusal.DuplicateRequest, message))
    return Decision(Refused(Refusal.DuplicateRequest, _OF_ANOTHER))


def _when_repeated(outcome: Outcome, now: datetime) -> Outcome:
    """The outcome that a repetition of the request gets: a refusal says when it was first given."""
    if not isinstance(outcome, Refused):
        return outcome
    note = f"(first answered at {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}; this CallerReference is spent)"
    return Refused(outcome.refusal, f"{outcome.message} {note}")
