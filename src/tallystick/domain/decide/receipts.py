"""How a decided money action is written down: its transaction, its event, what a rail is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from tallystick.domain.commands import Request
from tallystick.domain.ids import InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Event, Operation, RailRequest, RailUse, State, StatusChange, Transaction
from tallystick.domain.tokens import PaymentSource
from tallystick.domain.transitions import check_first, check_next

SUCCESS_CODE: Final = "Success"
PENDING_CODE: Final = "PendingNetworkResponse"
_SUCCESS: Final = TransactionStatus.SUCCESS  # Python 3.11 looks a member up by a call each time it is named
_MESSAGES: Final = {
    SUCCESS_CODE: "The transaction succeeded.",
    PENDING_CODE: "Waiting for the answer of the payment network.",
}


def kept_message(payment: Transaction) -> str | None:
    """What is to be kept of a payment's message: nothing where it is the usual one, for `message_of` knows that."""
    return None if payment.status_message == _MESSAGES[SUCCESS_CODE] else payment.status_message


def message_of(operation: str, status_code: str, kept: str | None) -> str | None:
    """The message of a transaction of which so much was kept."""
    usual = kept is None and operation == Operation.PAY.value and status_code == SUCCESS_CODE
    return _MESSAGES[SUCCESS_CODE] if usual else kept


def record(  # noqa: PLR0913 - one keyword for each thing that differs
    request: Request,
    operation: Operation,
    status: TransactionStatus,
    amount_micros: int,
    now: datetime,
    *,
    payment_method: str,
    sender_id: PartyId | None,
    instrument_id: InstrumentId | None,
    fee_micros: int = 0,
    token_id: TokenId | None = None,
    timeout: timedelta | None = None,
    original_id: TransactionId | None = None,
) -> Transaction:
    """A new transaction, Success or Pending. Raises ImpossibleTransitionError: such an operation cannot begin so."""
    check_first(operation, status)
    done = status is _SUCCESS
    code = SUCCESS_CODE if done else PENDING_CODE
    return Transaction(  # what each has is told by its place: twenty names take four times as long
        request.transaction_id,
        operation,
        status,
        code,
        _MESSAGES[code],
        amount_micros,
        fee_micros,
        payment_method,
        sender_id,
        token_id,
        instrument_id,
        request.caller_reference,
        request.requested_at,
        now,
        now if done else None,
        original_id=original_id,
        caller_description=request.caller_description,
        sender_description=request.sender_description,
        notification_url=request.notification_url,
        times_out_at=None if timeout is None or done else now + timeout,
    )


def moved_on(
    transaction: Transaction, status: TransactionStatus, code: str, message: str, now: datetime
) -> Transaction:
    """`transaction` in its next status; complete when that is a final one.

    Raises ImpossibleTransitionError: it cannot come to this status from the one that it has.
    """
    check_next(transaction.operation, transaction.status_number, transaction.status, status)
    final = status not in {TransactionStatus.PENDING, TransactionStatus.RESERVED}
    return replace(
        transaction,
        status=status,
        status_code=code,
        status_message=message,
        status_number=transaction.status_number + 1,
        completed_at=now if final else None,
    )


def step(transaction: Transaction) -> StatusChange:
    """The status that a slow transaction has come to, as a line of its history."""
    return StatusChange(
        transaction.transaction_id,
        transaction.status_number,
        transaction.status,
        transaction.status_code,
        transaction.amount_micros,
    )


def announce(transaction: Transaction) -> Event:
    """The event that a transaction has come to its present status."""
    return Event(
        f"{transaction.transaction_id}-{transaction.status_number}",
        "TransactionStatus",
        transaction.transaction_id,
        transaction.status._value_,  # `value` is a call in Python 3.11
        transaction.status_code,
        transaction.notification_url,
    )


def ask_rail(
    state: State,
    transaction: Transaction,
    source: PaymentSource | None,
    operation: RailOperation = RailOperation.CHARGE,
    earlier_id: TransactionId | None = None,
) -> RailRequest:
    """The intent to ask a rail for the transaction's amount. `earlier_id`: the transaction that this follows up.

    What follows up a payment goes where that was paid, where it is known: `source`, which is what the token names now,
    may have been replaced since. Raises Refused: PaymentMethodNotDefined.
    """
    used = None if earlier_id is None else state.rail_uses.get(earlier_id)
    if used is None:
        if source is None or source.rail is None or source.payment_method_id is None:
            raise Refused(Refusal.PaymentMethodNotDefined, "The token names no card or bank account.")
        used = RailUse(source.rail, source.payment_method_id)
    return RailRequest(
        transaction.transaction_id,
        used.rail,
        transaction.amount_micros,
        used.payment_method_id,
        operation,
        earlier_id,
    )
