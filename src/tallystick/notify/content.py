"""The fields of a notification, read from the books at its first attempt: the transaction or token, and its consent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import TokenId, TransactionId
from tallystick.notify import message
from tallystick.notify.message import ConsentDetails
from tallystick.store.queries import reads, tokens
from tallystick.store.records import evidence, visits

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.store.queries.reads import TransactionRecord
    from tallystick.store.records.outbox import ClaimedEvent

_BUTTON: Final = "SimplePay"
"""What visits call a Simple Pay button."""


async def fields_of(connection: Connection, event: ClaimedEvent) -> dict[str, str] | None:
    """The parameters of the notification; None when its seller does not want to hear of it.

    Raises LookupError: the books do not have what the event is about.
    """
    if event.kind == message.TOKEN_CANCELLATION:
        cancelled = await tokens.find(connection, event.book_id, TokenId(event.subject_id))
        if cancelled is None:
            raise LookupError(f"there is no token {event.subject_id}")
        return message.token_fields(cancelled)
    transaction = await reads.transaction(connection, event.book_id, TransactionId(event.subject_id))
    if transaction is None:
        raise LookupError(f"there is no transaction {event.subject_id}")
    agreed = None
    if not message.is_wanted(event, transaction):
        if transaction.instrument_id is not None:  # nearly all: not worth a look at the visit
            return None
        agreed = await _agreed(connection, event, transaction)
        if not message.is_wanted(event, transaction, by_button=agreed.by_button):
            return None
    if transaction.operation == "Reserve":
        transaction = replace(transaction, amount_micros=await _amount_then(connection, event, transaction))
    return message.transaction_fields(event, transaction, agreed or await _agreed(connection, event, transaction))


async def _amount_then(connection: Connection, event: ClaimedEvent, transaction: TransactionRecord) -> int:
    """The amount of a reservation when the event happened: a settlement may have lowered it since."""
    later = await reads.later_statuses(connection, event.book_id, transaction.transaction_id)
    number = message.status_number(event)
    if not later:
        return transaction.amount_micros
    return later[max(number - 2, 0)].amount_micros


async def _agreed(connection: Connection, event: ClaimedEvent, transaction: TransactionRecord) -> ConsentDetails:
    """What the buyer's visit to the hosted pages adds. Old visits are forgotten; tokens by instructions have none."""
    authorization_id = transaction.instrument_id or transaction.token_id
    if authorization_id is None:
        return message.NOTHING_AGREED
    reason = None
    if transaction.token_id is not None and transaction.caller_description is None:
        used = await tokens.find(connection, event.book_id, TokenId(transaction.token_id))
        reason = None if used is None else used.payment_reason
    seen = await evidence.find(connection, event.book_id, authorization_id)
    visit = None if seen is None else await visits.find(connection, seen.visit_id)
    if visit is None:
        return ConsentDetails(reason)
    by_button = visit.pipeline == _BUTTON
    return ConsentDetails(
        reason,
        address=message.address_in(visit.answer or {}),
        by_button=by_button,
        order_reference=visit.parameters.get("referenceId") if by_button else None,
    )
