"""RefundReversal: a refund that had gone well comes back from the card, days later.

It is a transaction of its own: what was done stays done, and what was proven of it stays proven. It moves what the
refund moved, the other way round: the amount is on the balance or the tab again, or the seller's cash, and so are the
service's fee and the caller's share; the payment can be refunded again. Where a dispute of the payment asked for more
than was left of it, that is claimed in the same commit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import Method
from tallystick.domain.decide.disputes.claiming import claim_what_is_free
from tallystick.domain.decide.outgoing.refund_funding import (
    is_refund_of_funding,
    moved_by_refund,
    moved_the_other_way,
    without_refund,
)
from tallystick.domain.decide.receipts import announce
from tallystick.domain.decide.shares import book, caller_pays, whole
from tallystick.domain.ids import AccountId
from tallystick.domain.outcomes import Accepted, Done, TransactionStatus
from tallystick.domain.rails.commands import ReverseRefund
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, InstrumentKind, Operation, State, Transaction
from tallystick.domain.transitions import check_first

REVERSED_CODE: Final = "RefundFailed"


def reverse_refund(state: State, command: ReverseRefund, now: datetime) -> Decision:
    """Book that a refund has failed after all. One that is still under way is not booked here: the rail is being asked.

    Raises Refused: InvalidTransactionId; OriginalTransactionIncomplete (the refund has no result yet);
    InsufficientBalance, where a caller who is not the recipient has spent the fee that the refund gave back: tell the
    same again later; AmountOutOfRange, where the tab was charged or settled so far that the debt cannot fall so much.
    """
    refund = _find(state, command)
    if refund.status is TransactionStatus.FAILURE or refund.refunded_micros:
        return Decision(Done())
    assert refund.original_id is not None, "a refund has an original"  # noqa: S101
    original = state.transactions.get(refund.original_id)
    if original is None:
        raise Refused(Refusal.InvalidTransactionId, f"The payment {refund.original_id} is in the archive.")
    reversal = _reversal(refund, command, now)
    outside = account_id(AccountKind.RAIL, command.rail)
    moved = _onto_instrument(state, refund, reversal, outside) if is_refund_of_funding(refund) else None
    decision = moved or _to_sellers(state, reversal, outside)
    told = replace(
        decision,
        outcome=Accepted(reversal.transaction_id, reversal.status),
        transactions=(
            without_refund(original, refund),
            replace(refund, refunded_micros=refund.amount_micros),
            reversal,
        ),
        operator_opens=((AccountKind.RAIL, command.rail),),
        events=(announce(reversal),),
    )
    return claim_what_is_free(state, told, original.transaction_id)


def _find(state: State, command: ReverseRefund) -> Transaction:
    refund = state.transactions.get(command.refund_id)
    if refund is None or refund.operation is not Operation.REFUND or refund.payment_method != Method.CC.value:
        raise Refused(Refusal.InvalidTransactionId, f"There is no refund {command.refund_id} to a card.")
    if refund.status is TransactionStatus.PENDING:
        raise Refused(Refusal.OriginalTransactionIncomplete, "The refund is still Pending.")
    return refund


def _reversal(refund: Transaction, command: ReverseRefund, now: datetime) -> Transaction:
    check_first(Operation.REFUND_REVERSAL, TransactionStatus.SUCCESS)
    return replace(
        refund,
        transaction_id=command.transaction_id,
        operation=Operation.REFUND_REVERSAL,
        status=TransactionStatus.SUCCESS,
        status_code=REVERSED_CODE,
        status_message=command.answer.reason,
        status_number=1,
        fee_micros=-refund.fee_micros,
        marketplace_fee_micros=-refund.marketplace_fee_micros,
        caller_reference=command.transaction_id,
        requested_at=now,
        received_at=now,
        completed_at=now,
        original_id=refund.transaction_id,
        times_out_at=None,
    )


def _onto_instrument(state: State, refund: Transaction, reversal: Transaction, outside: AccountId) -> Decision:
    """What was not spent is on the balance again, or what was settled is settled."""
    assert refund.instrument_id is not None, "it came from an instrument"  # noqa: S101
    instrument = state.instruments[refund.instrument_id]
    sign = 1
    if instrument.kind is InstrumentKind.CREDIT:
        sign = -1
        if refund.amount_micros > instrument.settleable_micros:
            raise Refused(Refusal.AmountOutOfRange, "Less is owed by now than comes off the debt again.")
    balance_micros = instrument.balance_micros + sign * refund.amount_micros
    own, mirrored = moved_by_refund(state, refund, instrument.account_id, outside)
    return Decision(
        Done(),
        transfers=moved_the_other_way(own, reversal),
        operator_transfers=moved_the_other_way(mirrored, reversal),
        instruments=(replace(instrument, balance_micros=balance_micros),),
    )


def _to_sellers(state: State, reversal: Transaction, outside: AccountId) -> Decision:
    """Cash, fee and share are as if there had been no refund."""
    short_micros = reversal.fee_micros - reversal.marketplace_fee_micros
    if caller_pays(reversal) and short_micros > state.cash[state.book.book_id]:
        raise Refused(Refusal.InsufficientBalance, "The caller's account does not cover the fee once more.")
    return book(state, reversal, whole(reversal), outside)
