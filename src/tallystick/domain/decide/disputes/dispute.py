"""Disputes: a buyer's bank takes a charge back, and may give it back to the seller in the end.

The rail takes the disputed amount when the dispute is opened. So does the service: from the seller's cash, and what
that does not cover the seller owes (dues). What is left of a prepaid balance is frozen in the same commit; what is
spent is the seller's to bear. Won: everything is restored. Lost: what was frozen is gone from the balance, the rest is
the seller's loss, or the buyer's debt again. A rail may tell all of this in any order, and twice (domain/disputes).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.commands import Method
from tallystick.domain.decide.disputes.booking import book_of, booked
from tallystick.domain.decide.disputes.claiming import claim_what_is_free
from tallystick.domain.decide.disputes.freezing import MOST_MOVES
from tallystick.domain.decide.receipts import moved_on
from tallystick.domain.disputes.dispute import Dispute, DisputedSettlements, DisputeStatus
from tallystick.domain.outcomes import Accepted, Done, TransactionStatus
from tallystick.domain.rails.commands import CollectDue, DisputeMoved
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, InstrumentKind, Operation, State, Transaction
from tallystick.domain.transitions import check_first

OPENED_CODE: Final = "DisputeOpened"
LOST_CODE: Final = "DisputeLost"
WON_CODE: Final = "DisputeWon"

_MESSAGES: Final = {
    OPENED_CODE: "The buyer's bank has disputed the charge and holds the amount back.",
    LOST_CODE: "The dispute was lost: the amount was taken back.",
    WON_CODE: "The dispute was won: the amount was given back.",
}
_CHARGES: Final = frozenset({Operation.FUND_PREPAID, Operation.SETTLE_DEBT, Operation.PAY, Operation.RESERVE})
_BY_RAIL: Final = frozenset({Method.CC.value, Method.ACH.value})


def dispute_moved(state: State, command: DisputeMoved, now: datetime) -> Decision:
    """Book what a rail tells of a dispute. What was told before changes nothing, nor does news after the end.

    Told again with another amount or fee, an open dispute is booked with that: an inquiry has become a dispute. Where
    both ends are told, the first stays, and the dispute says so (`is_contradicted`).
    Raises Refused: InvalidTransactionId, TransactionTypeNotRefundable, OriginalTransactionIncomplete (ask again when
    the charge has its result), OriginalTransactionFailed.
    """
    original = _find_charge(state, command)
    before = _known(state, command)
    again = before is not None and command.status in before.told
    if before is not None and again and not _is_changed(before, command):
        return Decision(Accepted(before.transaction_id, state.transactions[before.transaction_id].status))
    known = before or _unknown(state, command, original, now)
    told = replace(
        known,
        told=known.told if again else (*known.told, command.status),
        evidence_due_at=command.evidence_due_at or known.evidence_due_at,
        reason=command.reason or known.reason,
    )
    transaction = _begun(told, original, now) if before is None else state.transactions[told.transaction_id]
    if known.status.is_final:
        return Decision(Accepted(transaction.transaction_id, transaction.status), disputes=(told,))
    is_late = again or (command.status is DisputeStatus.OPENED and DisputeStatus.EVIDENCE_DUE in told.told)
    moved = _follow(state, told if is_late else replace(told, status=command.status), command, original, now)
    decision = booked(state, before, moved, original, _moved_on(transaction, command.status, now))
    return claim_what_is_free(state, decision, original.transaction_id)


def collect_due(state: State, command: CollectDue, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all
    """Take what is still owed for a dispute from the cash that has come in. Raises Refused: InvalidTransactionId."""
    dispute, original = state.disputes.get(command.dispute_id), state.transactions.get(command.original_id)
    if dispute is None or original is None:
        raise Refused(Refusal.InvalidTransactionId, f"There is no dispute {command.dispute_id}.")
    micros = min(dispute.due_micros, state.cash[book_of(state, dispute.bearer_id)])
    if not micros or dispute.moves >= MOST_MOVES:
        return Decision(Done())
    paid = replace(dispute, due_micros=dispute.due_micros - micros)
    return replace(booked(state, dispute, paid, original, None), outcome=Done())


def _find_charge(state: State, command: DisputeMoved) -> Transaction:
    original = state.transactions.get(command.original_id)
    if original is None:
        message = f'"transactionId" must be a valid transaction ID: {command.original_id}'
        raise Refused(Refusal.InvalidTransactionId, message)
    if original.operation not in _CHARGES or original.payment_method not in _BY_RAIL:
        message = f"{original.operation.value} by {original.payment_method} charged no rail, so none can dispute it."
        raise Refused(Refusal.TransactionTypeNotRefundable, message)
    if original.status in {TransactionStatus.PENDING, TransactionStatus.RESERVED}:
        raise Refused(Refusal.OriginalTransactionIncomplete, f"The charge is still {original.status.value}.")
    if original.status is not TransactionStatus.SUCCESS:
        raise Refused(Refusal.OriginalTransactionFailed, f"The charge came to {original.status.value}.")
    return original


def _known(state: State, command: DisputeMoved) -> Dispute | None:
    for dispute in state.disputes.values():
        if (dispute.rail, dispute.reference) != (command.rail, command.reference):
            continue
        if dispute.original_id != command.original_id or dispute.transaction_id not in state.transactions:
            message = f"Dispute {command.reference} is known, but not of the charge {command.original_id}."
            raise Refused(Refusal.InvalidTransactionId, message)
        return dispute
    return None


def _is_changed(dispute: Dispute, command: DisputeMoved) -> bool:
    """Whether an open dispute is about another amount by now, or costs another fee."""
    if dispute.status.is_final or dispute.moves >= MOST_MOVES:
        return False
    fee_micros = dispute.fee_micros if command.fee_micros is None else command.fee_micros
    return (dispute.asked_micros, dispute.fee_micros) != (command.amount_micros, fee_micros)


def _unknown(state: State, command: DisputeMoved, original: Transaction, now: datetime) -> Dispute:
    bearer = original.recipient_id or state.book.seller_id
    assert bearer is not None, "charges live in sellers' books"  # noqa: S101
    return Dispute(
        transaction_id=command.transaction_id,
        rail=command.rail,
        reference=command.reference,
        original_id=original.transaction_id,
        bearer_id=bearer,
        instrument_id=original.instrument_id,
        asked_micros=command.amount_micros,
        opened_at=now,
    )


def _begun(dispute: Dispute, original: Transaction, now: datetime) -> Transaction:
    """The dispute's own transaction, as it begins."""
    check_first(Operation.DISPUTE, TransactionStatus.RESERVED)
    return Transaction(
        transaction_id=dispute.transaction_id,
        operation=Operation.DISPUTE,
        status=TransactionStatus.RESERVED,
        status_code=OPENED_CODE,
        status_message=_MESSAGES[OPENED_CODE],
        amount_micros=dispute.asked_micros,
        fee_micros=0,
        payment_method=original.payment_method,
        sender_id=original.sender_id,
        sender_token_id=original.sender_token_id,
        instrument_id=original.instrument_id,
        caller_reference=dispute.transaction_id,
        requested_at=now,
        received_at=now,
        completed_at=None,
        original_id=original.transaction_id,
        caller_description=original.caller_description,
        sender_description=original.sender_description,
        recipient_id=original.recipient_id,
        recipient_token_id=original.recipient_token_id,
    )


def _moved_on(transaction: Transaction, status: DisputeStatus, now: datetime) -> Transaction:
    if not status.is_final:
        return transaction
    if status is DisputeStatus.LOST:
        return moved_on(transaction, TransactionStatus.SUCCESS, LOST_CODE, _MESSAGES[LOST_CODE], now)
    return moved_on(transaction, TransactionStatus.CANCELLED, WON_CODE, _MESSAGES[WON_CODE], now)


def _follow(state: State, dispute: Dispute, command: DisputeMoved, original: Transaction, now: datetime) -> Dispute:
    """What the dispute claims and who bears it, in its new status. Nothing is moved yet."""
    free_micros = original.refundable_micros + dispute.claimed_micros
    claimed_micros = 0 if dispute.status is DisputeStatus.WON else min(command.amount_micros, free_micros)
    after = replace(
        dispute,
        asked_micros=command.amount_micros,
        claimed_micros=claimed_micros,
        fee_micros=dispute.fee_micros if command.fee_micros is None else command.fee_micros,
        closed_at=now if dispute.status.is_final else None,
    )
    after = replace(after, borne_micros=_borne(state, dispute, after))
    extra_micros = claimed_micros + after.fee_micros - dispute.claimed_micros - dispute.fee_micros
    cash_micros = state.cash[book_of(state, dispute.bearer_id)]
    due_micros = dispute.due_micros + max(0, extra_micros - cash_micros)
    if extra_micros < 0:
        due_micros = max(0, dispute.due_micros + extra_micros)
    return replace(after, due_micros=due_micros)


def _borne(state: State, before: Dispute, after: Dispute) -> int:
    """What of the claim the instrument bears.

    A prepaid balance bears what is left of it when the claim begins or grows, and later what refunds bring back
    (freeze_more), but nothing that is funded later: that is other money. A debt bears what a lost settlement is owed
    again.
    """
    if after.instrument_id is None:
        return 0
    instrument = state.instruments[after.instrument_id]
    if instrument.kind is InstrumentKind.PREPAID:
        more_micros = min(max(0, after.claimed_micros - before.claimed_micros), instrument.balance_micros)
        return min(before.borne_micros + more_micros, after.claimed_micros)
    if after.status is not DisputeStatus.LOST or state.disputed_settlements is DisputedSettlements.LOSS:
        return 0
    return min(after.claimed_micros, max(0, instrument.limit_micros - instrument.balance_micros))
