"""GetTransaction and GetTransactionStatus, and what of a transaction is shown to those who took part in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.decide.disputes.dispute import OPENED_CODE
from tallystick.domain.ids import PartyId, milliseconds_of_transaction
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import identify
from tallystick.services.api.call import amount
from tallystick.services.api.fields import V2007, invalid
from tallystick.services.seller.archived import explain_archived
from tallystick.store.queries import reads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from tallystick.domain.ids import BookId, TransactionId
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result, Value
    from tallystick.services.context import Service
    from tallystick.store.queries.frequent_reads import TransactionProgress

AT_A_TIME: Final = 25
"""Members of a list that are put into words before other calls go on: a third of a millisecond's work."""

PENDING: Final = "Pending"
PAYOUT: Final = "Payout"
_NOT_TOLD: Final = frozenset({"Dispute", "RefundReversal"})
PENDING_CODE: Final = "PendingNetworkResponse"
_INSTRUMENT_METHODS: Final = frozenset({"Prepaid", "Debt"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def received_at(transaction_id: TransactionId) -> datetime:
    """When the request came in, which is what its id says. Lists are in this order, so they show this moment."""
    return _EPOCH + timedelta(milliseconds=milliseconds_of_transaction(transaction_id))


def roles_of(party_id: PartyId, transaction: reads.TransactionRecord) -> tuple[str, ...]:
    """The roles that a party played, in the order in which they are listed."""
    people = {"Recipient": transaction.payee, "Caller": transaction.seller, "Sender": transaction.payer}
    return tuple(role for role, person in people.items() if person is not None and person.party_id == party_id)


def name_of(person: reads.Person | None) -> str | None:
    """The name of somebody who may not be known."""
    return None if person is None else person.name


def parts(call: Call, transaction: reads.TransactionRecord) -> list[Mapping[str, Value]]:
    """A part for each role that the asking account itself played; with the fee if that role paid it or gets it back.

    Where the payment was made from a balance or on a tab, the parts of sender and recipient name the instrument. Only
    2007-01-08 tells the account.
    """
    asking = call.key.party_id
    people = (transaction.seller, transaction.merchant, transaction.buyer)
    own = next((person for person in people if person is not None and person.party_id == asking), None)
    is_caller = asking == transaction.seller.party_id
    account = {"AccountId": str(asking)} if call.version == V2007 else {}
    by_instrument = transaction.payment_method in _INSTRUMENT_METHODS
    return [
        account
        | {
            "InstrumentId": transaction.instrument_id if by_instrument and role != "Caller" else None,
            "Role": role,
            "Name": name_of(own),
            "Reference": transaction.caller_reference if is_caller else None,
            "Description": transaction.caller_description if is_caller else transaction.sender_description,
            "FeesPaid": amount(transaction.fee_micros if role == transaction.fee_role else 0),
        }
        for role in roles_of(asking, transaction)
    ]


def get_transaction_status(call: Call) -> Awaitable[Result]:
    """How far a transaction is. Raises Refused: InvalidParams; what is to be awaited does too, as GetTransaction."""
    return _status(call, *identify.transaction(call))


async def _status(call: Call, transaction_id: TransactionId, book_id: BookId) -> Result:
    """Of what is to be shown, by a statement for all who ask just now; what is refused, and why, is read by itself."""
    progress = await call.service.statuses.find(book_id, transaction_id, call.cached_key)
    if progress is not None and _is_shown(call, progress):
        return _status_of(progress)
    return _status_of(await _readable_transaction(call))


def _is_shown(call: Call, found: TransactionProgress) -> bool:
    return (
        found.environment == call.key.environment
        and call.key.party_id in found.parties
        and found.operation not in _NOT_TOLD
        and found.payment_method != PAYOUT
    )


def _status_of(transaction: TransactionProgress | reads.TransactionRecord) -> Result:
    return {
        "TransactionId": transaction.transaction_id,
        "TransactionStatus": transaction.status,
        "CallerReference": transaction.caller_reference,
        "StatusCode": transaction.status_code,
        "StatusMessage": transaction.status_message,
    }


async def get_transaction(call: Call) -> Result:
    """Everything about a transaction. Only recipients are told the sender's address, and callers their own note."""
    transaction = await _readable_transaction(call)
    paid_by, paid_to = transaction.payer, transaction.payee
    asks_as_recipient = paid_to is not None and paid_to.party_id == call.key.party_id
    asks_as_caller = transaction.seller.party_id == call.key.party_id
    related = await _related(call, transaction)
    return {
        "Transaction": _only_in_2007(call, transaction)
        | {
            "TransactionId": transaction.transaction_id,
            "CallerReference": transaction.caller_reference,
            "CallerDescription": transaction.caller_description if asks_as_caller else None,
            "SenderDescription": transaction.sender_description,
            "DateReceived": received_at(transaction.transaction_id),
            "DateCompleted": transaction.completed_at,
            "TransactionAmount": amount(transaction.amount_micros),
            "FPSFees": amount(transaction.fee_micros),
            "MarketplaceFees": amount(transaction.marketplace_fee_micros) if transaction.recipient else None,
            "FPSFeesPaidBy": transaction.fee_role,
            "SenderTokenId": transaction.token_id,
            "RecipientTokenId": transaction.recipient_token_id,
            "PrepaidInstrumentId": transaction.instrument_id if transaction.instrument_kind == "prepaid" else None,
            "CreditInstrumentId": transaction.instrument_id if transaction.instrument_kind == "credit" else None,
            "FPSOperation": transaction.operation,
            "PaymentMethod": transaction.payment_method,
            "TransactionStatus": transaction.status,
            "StatusCode": transaction.status_code,
            "StatusMessage": transaction.status_message,
            "SenderName": name_of(paid_by),
            "SenderEmail": paid_by.email if paid_by is not None and asks_as_recipient else None,
            "CallerName": transaction.seller.name,
            "RecipientName": name_of(paid_to),
            "RecipientEmail": None if paid_to is None else paid_to.email,
            "RelatedTransaction": related,
            "StatusHistory": await _history(call, transaction),
        }
    }


def _only_in_2007(call: Call, transaction: reads.TransactionRecord) -> dict[str, Value]:
    """What later versions tell of a transaction in GetAccountActivity alone."""
    if call.version != V2007:
        return {}
    return {"CallerTransactionDate": transaction.requested_at, "TransactionPart": parts(call, transaction)}


async def _readable_transaction(call: Call) -> reads.TransactionRecord:
    """The transaction that the call names, if the caller took part in it.

    Raises Refused: InvalidParams (no such transaction), InvalidTransactionId (not the caller's).
    """
    transaction_id, book_id = identify.transaction(call)
    found = await reads.transaction(call.service.pool, book_id, transaction_id)
    if found is not None and found.operation in _NOT_TOLD:
        found = None  # the protocol knows none: /v1 and the console have them
    if found is None and call.owns(book_id):
        unknown = invalid("TransactionId", identify.A_TRANSACTION, transaction_id)
        raise await explain_archived(call, transaction_id, unknown)
    if found is not None and found.payment_method == PAYOUT:  # for which the protocol has no word
        raise invalid("TransactionId", identify.A_TRANSACTION, transaction_id)
    if found is None or found.environment != call.key.environment or not roles_of(call.key.party_id, found):
        raise Refused(Refusal.InvalidTransactionId, "The caller took no part in such a transaction.")
    return found


async def _related(call: Call, transaction: reads.TransactionRecord) -> list[Mapping[str, Value]]:
    """What it refunds, or by what it was refunded."""
    if transaction.original_id is not None:
        return [{"TransactionId": transaction.original_id, "RelationType": "Parent"}]
    _, book_id = identify.transaction(call)
    refunds = await reads.refunds(call.service.pool, book_id, transaction.transaction_id)
    return [{"TransactionId": refund, "RelationType": "Refund"} for refund in refunds]


async def _history(call: Call, transaction: reads.TransactionRecord) -> list[Mapping[str, Value]]:
    _, book_id = identify.transaction(call)
    return [
        {
            "Date": status.at,
            "TransactionStatus": status.status,
            "StatusCode": status.status_code,
            "Amount": amount(status.amount_micros),
        }
        for status in await statuses(call.service, book_id, transaction)
    ]


async def statuses(service: Service, book_id: BookId, transaction: reads.TransactionRecord) -> list[reads.StatusRecord]:
    """Every status that it came to, with its amount then: Pending since it came in, where it had to wait.

    A dispute begins as Reserved.
    """
    later = await reads.later_statuses(service.pool, book_id, transaction.transaction_id)
    received = received_at(transaction.transaction_id)
    first = reads.StatusRecord(transaction.status, transaction.status_code, transaction.amount_micros, received)
    if later and transaction.operation == "Dispute":
        first = reads.StatusRecord("Reserved", OPENED_CODE, later[0].amount_micros, received)
    elif later:
        first = reads.StatusRecord(PENDING, PENDING_CODE, later[0].amount_micros, received)
    elif transaction.completed_at is not None:
        first = replace(first, at=transaction.completed_at)
    return [first, *later]
