"""How a decided money action is written down: its transaction, its event, its answer."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tallystick.domain.commands import Request
from tallystick.domain.ids import InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.state import Event, Operation, Transaction

SUCCESS_CODE: Final = "Success"
PENDING_CODE: Final = "PendingNetworkResponse"
_MESSAGES: Final = {
    SUCCESS_CODE: "The transaction succeeded.",
    PENDING_CODE: "Waiting for the answer of the payment network.",
}


def record(  # noqa: PLR0913 - one keyword for each thing that differs
    request: Request,
    operation: Operation,
    status: TransactionStatus,
    amount_micros: int,
    now: datetime,
    *,
    payment_method: str,
    sender_id: PartyId,
    instrument_id: InstrumentId,
    fee_micros: int = 0,
    token_id: TokenId | None = None,
    original_id: TransactionId | None = None,
) -> Transaction:
    """A new transaction, Success or Pending."""
    code = SUCCESS_CODE if status is TransactionStatus.SUCCESS else PENDING_CODE
    return Transaction(
        transaction_id=request.transaction_id,
        operation=operation,
        status=status,
        status_code=code,
        status_message=_MESSAGES[code],
        amount_micros=amount_micros,
        fee_micros=fee_micros,
        payment_method=payment_method,
        sender_id=sender_id,
        sender_token_id=token_id,
        instrument_id=instrument_id,
        caller_reference=request.caller_reference,
        requested_at=request.requested_at,
        received_at=now,
        completed_at=now if status is TransactionStatus.SUCCESS else None,
        original_id=original_id,
        caller_description=request.caller_description,
        sender_description=request.sender_description,
        notification_url=request.notification_url,
    )


def announce(transaction: Transaction, number: int = 1) -> Event:
    """The event that a transaction has reached its present status; `number` counts its statuses from 1."""
    return Event(
        event_id=f"{transaction.transaction_id}-{number}",
        kind="TransactionStatus",
        subject_id=transaction.transaction_id,
        status=transaction.status.value,
        status_code=transaction.status_code,
        notification_url=transaction.notification_url,
    )
