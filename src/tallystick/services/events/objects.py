"""Transactions, disputes and keys as programs see them: the objects of /v1, which events hold as they were."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from tallystick.domain.ids import TransactionId
from tallystick.domain.moments import precise_moment
from tallystick.domain.money import USD, format_amount
from tallystick.domain.scopes import scope_names
from tallystick.services.actions.transactions import received_at

if TYPE_CHECKING:
    from tallystick.services.disputes.cases import DisputeRecord
    from tallystick.services.seller.access_keys import KeyUse

OBJECTS: Final = {
    "Pay": "charge",
    "FundPrepaid": "top_up",
    "SettleDebt": "settlement",
    "WriteOffDebt": "write_off",
    "Refund": "refund",
    "Reserve": "reservation",
    "Settle": "capture",
    "Dispute": "dispute",
    "RefundReversal": "refund_reversal",
    "Payout": "payout",
    "PayoutReturn": "payout_return",
}
"""What the operations of the books are called."""

STATUSES: Final = {
    "Success": "succeeded",
    "Pending": "pending",
    "Failure": "failed",
    "Reserved": "reserved",
    "Cancelled": "cancelled",
}
METHODS: Final = {
    "ABT": "account_balance",
    "CC": "card",
    "ACH": "bank_account",
    "Prepaid": "prepaid_balance",
    "Debt": "tab",
    "Payout": "payout",
}


class TransactionFields(Protocol):
    """What all records of a transaction have, whichever query read them. Amounts in micro-units."""

    @property
    def transaction_id(self) -> str: ...  # noqa: D102 - as in the books, like all that follow
    @property
    def operation(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def status_code(self) -> str: ...  # noqa: D102
    @property
    def amount_micros(self) -> int: ...  # noqa: D102
    @property
    def fee_micros(self) -> int: ...  # noqa: D102
    @property
    def payment_method(self) -> str: ...  # noqa: D102
    @property
    def instrument_id(self) -> str | None: ...  # noqa: D102
    @property
    def original_id(self) -> str | None: ...  # noqa: D102
    @property
    def caller_reference(self) -> str | None: ...  # noqa: D102
    @property
    def caller_description(self) -> str | None: ...  # noqa: D102
    @property
    def sender_description(self) -> str | None: ...  # noqa: D102
    @property
    def completed_at(self) -> datetime | None: ...  # noqa: D102


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with microseconds."""
    return None if at is None else precise_moment(at)


def transaction_object(
    environment: str, found: TransactionFields, token_id: str | None, *, own: bool = True
) -> dict[str, Any]:
    """A transaction. `own`: the seller called for it; else nothing of the caller's own is in it."""
    return {
        "object": OBJECTS[found.operation],
        "id": found.transaction_id,
        "status": STATUSES[found.status],
        "status_code": found.status_code,
        "amount": format_amount(found.amount_micros),
        "fee": format_amount(found.fee_micros),
        "currency": USD,
        "environment": environment,
        "authorization": (found.instrument_id or token_id) if own else None,
        "refunded_transaction": found.original_id,
        "payment_method": METHODS[found.payment_method],
        "description": found.sender_description,
        "note": found.caller_description if own else None,
        "idempotency_key": found.caller_reference if own else None,
        "created_at": moment(received_at(TransactionId(found.transaction_id))),
        "completed_at": moment(found.completed_at),
    }


def dispute_object(environment: str, dispute: DisputeRecord, *, own: bool = True) -> dict[str, Any]:
    """A dispute. Where another seller called for the charge, what it was charged to is that seller's own affair."""
    return {
        "object": "dispute",
        "id": dispute.transaction_id,
        "status": dispute.status.value,
        "charge": dispute.original_id,
        "authorization": (dispute.instrument_id or dispute.sender_token_id or None) if own else None,
        "amount": format_amount(dispute.asked_micros),
        "held": format_amount(dispute.borne_micros),
        "owed": format_amount(dispute.due_micros),
        "fee": format_amount(dispute.fee_micros),
        "currency": USD,
        "environment": environment,
        "reason": dispute.reason,
        "reference": dispute.reference,
        "has_evidence": own,
        "created_at": moment(dispute.opened_at),
        "evidence_due_at": moment(dispute.evidence_due_at),
        "closed_at": moment(dispute.closed_at),
    }


def key_object(use: KeyUse, now: datetime) -> dict[str, Any]:
    """An access key, without its secrets."""
    key = use.key
    return {
        "object": "key",
        "id": key.access_key_id,
        "name": key.name,
        "environment": key.environment,
        "usable": key.usable(now),
        "scopes": scope_names(key.scopes),
        "networks": list(key.networks),
        "calls_per_second": key.calls_per_second,
        "created_at": moment(key.created_at),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
        "last_used_at": moment(use.used_at),
    }
