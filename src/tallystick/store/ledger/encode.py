"""Domain values as rows of the tables, in the order in which the statements of money.sql take their columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from tallystick.domain.accounts import AccountKind, bounds
from tallystick.domain.disputes.dispute import Dispute
from tallystick.domain.ids import TransactionId
from tallystick.domain.messages.events import Happening
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refused
from tallystick.domain.state import Event, IdempotencyRecord, Instrument, InstrumentKind, Transaction, Transfer
from tallystick.domain.tokens import Token
from tallystick.store.ledger.token_terms import terms_to_json
from tallystick.store.ledger.usage_limits import limits_to_json

_PER_PHASE: Final = 100
"""Numbers of the transfers that one phase of a transaction can have."""


def transfer_rows(transfers: Sequence[Transfer]) -> list[tuple[Any, ...]]:
    """In the order of the index that transactions' ids lead: it grows at its end, in full pages."""
    rows = [
        (
            transfer.transaction_id,
            transfer.number or number + _PER_PHASE * transfer.phase,
            transfer.debit,
            transfer.credit,
            transfer.amount_micros,
        )
        for _, together in groupby(transfers, key=_transaction_of)
        for number, transfer in enumerate(together, start=1)
    ]
    rows.sort()
    return rows


def _transaction_of(transfer: Transfer) -> TransactionId:
    return transfer.transaction_id


def instrument_account(item: Instrument) -> tuple[Any, ...]:
    """The account that a new instrument needs."""
    kind = AccountKind.PREPAID if item.kind is InstrumentKind.PREPAID else AccountKind.RECEIVABLE
    return (item.account_id, kind.value, item.instrument_id, *bounds(kind, item.limit_micros))


def instrument_row(item: Instrument) -> tuple[Any, ...]:
    """A new instrument."""
    return (
        item.instrument_id,
        item.kind.value,
        item.account_id,
        item.sender_id,
        item.limit_micros,
        item.total_limit_micros,
        item.charged_micros,
        item.pending_micros,
        item.valid_from,
        item.expires_at,
    )


def token_row(token: Token) -> tuple[Any, ...]:
    """A new token."""
    source = token.source
    return (
        token.token_id,
        token.purpose.value,
        token.token_type.value,
        token.instrument_id,
        token.sender_id,
        token.caller_reference,
        token.friendly_name,
        token.old_token_id,
        None if source is None else source.method.value,
        None if source is None else source.payment_method_id,
        token.payment_reason,
        terms_to_json(token.terms),
        limits_to_json(token.limits),
        token.instruction,
        token.valid_from,
        token.expires_at,
    )


def token_change(token: Token) -> tuple[Any, ...]:
    """What can change of a token."""
    return token.token_id, limits_to_json(token.limits), token.cancelled_at, token.used_by


def event_row(event: Event, destination: str) -> tuple[Any, ...]:
    """An event, for those who are told at `destination`."""
    return (
        event.event_id,
        event.kind,
        event.subject_id,
        event.status,
        event.status_code,
        event.notification_url,
        destination,
    )


def queued_event_row(event: Happening) -> tuple[Any, ...]:
    """What happened, for the pass that numbers events."""
    return event.subject_id, event.name, event.number, event.type, event.status, event.status_code


def transaction_row(item: Transaction) -> tuple[Any, ...]:
    """A new transaction."""
    return (
        item.transaction_id,
        item.operation.value,
        item.status.value,
        item.status_code,
        item.status_message,
        item.amount_micros,
        item.fee_micros,
        item.refunded_micros,
        item.payment_method,
        item.sender_id,
        item.sender_token_id,
        item.instrument_id,
        item.original_id,
        item.caller_reference,
        item.caller_description,
        item.sender_description,
        item.notification_url,
        item.requested_at,
        item.received_at,
        item.completed_at,
        item.recipient_id,
        item.recipient_token_id,
        item.fee_payer.value,
        item.marketplace_fee_micros,
        item.times_out_at,
    )


def transaction_change(item: Transaction) -> tuple[Any, ...]:
    """What can change of a transaction."""
    return (
        item.transaction_id,
        item.status.value,
        item.status_code,
        item.status_message,
        item.status_number,
        item.amount_micros,
        item.fee_micros,
        item.marketplace_fee_micros,
        item.refunded_micros,
        item.notification_url,
        item.completed_at,
        item.reserved_until,
        item.marketplace_refunded_micros,
        item.fee_refunded_micros,
        item.disputed_micros,
    )


def dispute_row(item: Dispute) -> tuple[Any, ...]:
    """A dispute, new or changed. What was told is one text: an array of arrays must be a rectangle."""
    return (
        item.transaction_id,
        item.rail,
        item.reference,
        item.original_id,
        item.bearer_id,
        item.instrument_id,
        item.asked_micros,
        item.opened_at,
        item.status.value,
        item.claimed_micros,
        item.borne_micros,
        item.fee_micros,
        item.due_micros,
        " ".join(status.value for status in item.told),
        item.moves,
        item.reason,
        item.evidence_due_at,
        item.closed_at,
    )


def answer_row(reference: str, answered: IdempotencyRecord) -> tuple[Any, ...]:
    """How a reference was answered."""
    return reference, answered.fingerprint, *_answer(answered)


def _answer(answered: IdempotencyRecord) -> tuple[str | None, str | None, str | None, str | None]:
    match answered.outcome:
        case Accepted(transaction_id, status):
            return transaction_id, status.value, None, None
        case Refused() as refused:
            return None, None, refused.refusal.name, refused.message
        case other:
            raise TypeError(f"a money command answers with a transaction or a refusal, not {other!r}")
