"""Refund: give a Pay back to the balance it came from, or take it off the debt. Source: docs/protocol/flows.md, 4."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import Refund, RefundPolicy
from tallystick.domain.decide.checks import check_part_amount, check_seller, check_simulated_fault
from tallystick.domain.decide.direct_refund import left_to_refund, refund_directly, refund_share
from tallystick.domain.decide.disputes.freezing import freeze_more
from tallystick.domain.decide.receipts import announce, record
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Instrument, InstrumentKind, Operation, State, Transaction, Transfer


def refund(state: State, command: Refund, now: datetime) -> Decision:
    """Refund all or part of a Pay or a settled reservation. Several partial refunds never sum to more than it was.

    A refund may lift a prepaid balance above its funding limit: it restores what was there. What an open dispute claims
    of that balance is frozen with it. It may not lower a debt below what is being settled.
    Raises Refused: InvalidAccountState_Caller, InvalidTransactionId,
    TransactionTypeNotRefundable, OriginalTransactionIncomplete, OriginalTransactionFailed,
    TransactionFullyRefundedAlready, RefundAmountExceeded, AmountOutOfRange, AccessFailure and InsufficientBalance (both
    simulated).
    """
    check_seller(state)
    original = _find_original(state, command)
    if command.policy is RefundPolicy.MARKETPLACE_ONLY:
        return refund_share(state, command, original, now)
    left_micros = original.refundable_micros
    amount_micros = left_to_refund(left_micros, command.amount_micros)
    if original.instrument_id is None:
        return refund_directly(state, command, original, amount_micros, now)
    check_part_amount(state, amount_micros, left_micros)
    assert original.sender_id is not None, "a Pay always has a sender"  # noqa: S101
    instrument = state.instruments[original.instrument_id]
    refunded = _give_back(instrument, amount_micros)
    check_simulated_fault(state, amount_micros)
    transaction = record(
        command.request,
        Operation.REFUND,
        TransactionStatus.SUCCESS,
        amount_micros,
        now,
        payment_method=original.payment_method,
        sender_id=original.sender_id,
        instrument_id=instrument.instrument_id,
        original_id=original.transaction_id,
    )
    reversal = Transfer(transaction.transaction_id, TOTALS[AccountKind.SALES], instrument.account_id, amount_micros)
    refrozen = freeze_more(state, refunded, amount_micros)
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(replace(original, refunded_micros=original.refunded_micros + amount_micros), transaction),
        transfers=(reversal, *refrozen.transfers),
        instruments=(refrozen.instrument,),
        disputes=refrozen.disputes,
        events=(announce(transaction),),
    )


def _find_original(state: State, command: Refund) -> Transaction:
    original = state.transactions.get(command.original_id)
    if original is None:
        message = f'"transactionId" must be a valid transaction ID: {command.original_id}'
        raise Refused(Refusal.InvalidTransactionId, message)
    if original.operation not in {Operation.PAY, Operation.RESERVE}:
        message = f"{original.operation.value} cannot be refunded; only a payment can."
        raise Refused(Refusal.TransactionTypeNotRefundable, message)
    if original.status in {TransactionStatus.PENDING, TransactionStatus.RESERVED}:
        raise Refused(Refusal.OriginalTransactionIncomplete, f"The original is still {original.status.value}.")
    if original.status is not TransactionStatus.SUCCESS:
        raise Refused(Refusal.OriginalTransactionFailed, f"The original came to {original.status.value}.")
    return original


def _give_back(instrument: Instrument, amount_micros: int) -> Instrument:
    if instrument.kind is InstrumentKind.PREPAID:
        return replace(instrument, balance_micros=instrument.balance_micros + amount_micros)
    if amount_micros > instrument.settleable_micros:
        message = f"Only {display_amount(instrument.settleable_micros)} is owed and not being settled already."
        raise Refused(Refusal.RefundAmountExceeded, message)
    return replace(instrument, balance_micros=instrument.balance_micros - amount_micros)
