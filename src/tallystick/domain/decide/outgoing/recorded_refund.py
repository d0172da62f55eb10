"""RecordRefund: somebody gave a payment back at the rail itself, by hand, and the books follow.

The money has left already, so nobody is asked whether the seller may give it. It is booked as the refund that it is:
of a payment, out of the seller's cash; of a funding, out of what is left on the balance; of a settlement, onto the debt
again; with the service's fee in proportion. Where the books cannot follow it as a whole, since it was spent meanwhile
or is more than is left of the payment, nothing is booked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import Method, RecordRefund
from tallystick.domain.decide.direct_refund import check_sellers_cash, fee_part
from tallystick.domain.decide.outgoing.refund_funding import moved_by_refund
from tallystick.domain.decide.receipts import announce, record
from tallystick.domain.decide.shares import book, whole
from tallystick.domain.ids import AccountId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, display_amount
from tallystick.domain.outcomes import Accepted, Done, TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Instrument, InstrumentKind, Operation, RailRecord, State, Transaction

_CHARGES: Final = frozenset({Operation.PAY, Operation.RESERVE, Operation.FUND_PREPAID, Operation.SETTLE_DEBT})


def record_refund(state: State, command: RecordRefund, now: datetime) -> Decision:
    """Book a refund that was made at the rail, once for its name there.

    Raises Refused: InvalidTransactionId (no charge by card at this rail), OriginalTransactionIncomplete,
    OriginalTransactionFailed, TransactionFullyRefundedAlready, RefundAmountExceeded (more than is left of the charge or
    on the balance, or above the credit limit), InsufficientBalance (the seller has spent it).
    """
    known = state.recorded.get((command.rail, command.reference))
    if known is not None:
        return Decision(Accepted(known, TransactionStatus.SUCCESS))
    original = _find(state, command)
    used = state.rail_uses.get(original.transaction_id)
    if used is not None and used.rail != command.rail:
        raise Refused(Refusal.InvalidTransactionId, f"{original.transaction_id} was not paid at {command.rail}.")
    _check_amount(original, command.amount_micros)
    fee_micros = fee_part(original, command.amount_micros)
    refund = record(
        command.request,
        Operation.REFUND,
        TransactionStatus.SUCCESS,
        command.amount_micros,
        now,
        payment_method=original.payment_method,
        sender_id=original.sender_id,
        token_id=original.sender_token_id,
        instrument_id=original.instrument_id,
        original_id=original.transaction_id,
        fee_micros=-fee_micros,
    )
    refund = replace(
        refund,
        recipient_id=original.recipient_id,
        recipient_token_id=original.recipient_token_id,
        fee_payer=original.fee_payer,
    )
    check_sellers_cash(state, original, command.amount_micros, fee_micros, 0)
    outside = account_id(AccountKind.RAIL, command.rail)
    moved = _from_instrument(state, refund, outside) or book(state, refund, whole(refund), outside)
    refunded = replace(
        original,
        refunded_micros=original.refunded_micros + command.amount_micros,
        fee_refunded_micros=original.fee_refunded_micros + fee_micros,
    )
    seen = RailRecord(
        refund.transaction_id,
        command.rail,
        RailOperation.REFUND,
        command.reference,
        None if used is None else used.payment_method_id,
    )
    return replace(
        moved,
        outcome=Accepted(refund.transaction_id, refund.status),
        transactions=(refunded, refund),
        operator_opens=((AccountKind.RAIL, command.rail),),
        events=(announce(refund),),
        rail_record=seen,
    )


def _find(state: State, command: RecordRefund) -> Transaction:
    original = state.transactions.get(command.original_id)
    if original is None or original.operation not in _CHARGES or original.payment_method != Method.CC.value:
        raise Refused(Refusal.InvalidTransactionId, f"{command.original_id} is no charge by card.")
    if original.status in {TransactionStatus.PENDING, TransactionStatus.RESERVED}:
        raise Refused(Refusal.OriginalTransactionIncomplete, f"The original is still {original.status.value}.")
    if original.status is not TransactionStatus.SUCCESS:
        raise Refused(Refusal.OriginalTransactionFailed, f"The original came to {original.status.value}.")
    return original


def _check_amount(original: Transaction, amount_micros: int) -> None:
    if amount_micros <= 0 or amount_micros % MICROS_PER_MINOR_UNIT:
        raise ValueError(f"no rail gives back {amount_micros} micro-units")
    if not original.refundable_micros:
        raise Refused(Refusal.TransactionFullyRefundedAlready, "Nothing is left to refund.")
    _check_within(amount_micros, original.refundable_micros)


def _check_within(amount_micros: int, left_micros: int) -> None:
    if amount_micros > left_micros:
        raise Refused(Refusal.RefundAmountExceeded, f"Only {display_amount(left_micros)} is left to refund.")


def _from_instrument(state: State, refund: Transaction, outside: AccountId) -> Decision | None:
    """Off the balance, or onto the debt again; None: it was a payment in real money."""
    if refund.instrument_id is None:
        return None
    instrument: Instrument = state.instruments[refund.instrument_id]
    if instrument.kind is InstrumentKind.PREPAID:
        _check_within(refund.amount_micros, instrument.balance_micros)
        balance_micros = instrument.balance_micros - refund.amount_micros
    else:
        _check_within(refund.amount_micros, instrument.limit_micros - instrument.balance_micros)
        balance_micros = instrument.balance_micros + refund.amount_micros
    own, mirrored = moved_by_refund(state, refund, instrument.account_id, outside)
    return Decision(
        Done(),
        transfers=own,
        operator_transfers=mirrored,
        instruments=(replace(instrument, balance_micros=balance_micros),),
    )
