"""What a notification says: the fields of an event, and the signed form that is posted.

Source: docs/protocol/ipn.md, 4 and 5.

Pure: events, transactions and tokens are passed in as the ledger reads them. The form is built once, for the first
attempt, and kept (docs/decisions/010): every attempt sends the same bytes, whatever has happened meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from tallystick.domain.ids import milliseconds_of_transaction
from tallystick.domain.messages import signing
from tallystick.domain.messages.signed_messages import MessageSigner, sign_message
from tallystick.domain.moments import format_moment
from tallystick.domain.money import USD, display_amount
from tallystick.store.queries.reads import TransactionRecord
from tallystick.store.queries.tokens import TokenRecord
from tallystick.store.records.outbox import ClaimedEvent

TRANSACTION_STATUS: Final = "TransactionStatus"
TOKEN_CANCELLATION: Final = "TokenCancellation"  # noqa: S105 - the name of an event

OPERATIONS: Final[Mapping[str, str]] = {
    "Pay": "PAY",
    "Refund": "REFUND",
    "Payout": "WITHDRAW_FUNDS",
    "PayoutReturn": "DEPOSIT_FUNDS",
    "Reserve": "RESERVE",
    "Settle": "SETTLE",
    "SettleDebt": "SETTLE_DEBT",
    "WriteOffDebt": "WRITE_OFF_DEBT",
    "FundPrepaid": "FUND_PREPAID",
    "Deposit": "DEPOSIT_FUNDS",
    "Dispute": "DISPUTE",
    "RefundReversal": "REFUND_REVERSAL",
}
"""How notifications, unlike the API, spell what a transaction does."""

_TOLD_BY_NOBODY: Final = frozenset({"Dispute", "RefundReversal"})

_ADDRESS: Final[Mapping[str, str]] = {
    "addressName": "addressFullName",
    "addressLine1": "addressLine1",
    "addressLine2": "addressLine2",
    "city": "addressCity",
    "state": "addressState",
    "zip": "addressZip",
    "country": "addressCountry",
    "phoneNumber": "addressPhone",
}
"""A delivery address, which return URLs and notifications name differently. The documents forgot the city."""

_BUTTON_STATUSES: Final[Mapping[tuple[str, str], str]] = {
    ("PAY", "SUCCESS"): "PS",
    ("PAY", "PENDING"): "PI",
    ("PAY", "FAILURE"): "PF",
    ("REFUND", "SUCCESS"): "RS",
    ("REFUND", "FAILURE"): "RF",
}
"""What Simple Pay calls a status, by operation and status of the notification."""

_CANCELLED: Final = "Cancelled"
_EXPIRED_CODE: Final = "Expired"
_STATUSES_OF_RESERVING: Final = 2

_EARLIER_SENTENCES: Final[Mapping[str, str]] = {
    "PendingNetworkResponse": "Waiting for the answer of the payment network.",
    "DisputeOpened": "The buyer's bank has disputed the charge and holds the amount back.",
}
"""For a status that the transaction has left meanwhile: its row holds the present one's sentence."""


@dataclass(frozen=True, slots=True)
class ConsentDetails:
    """What the buyer's visit to the hosted pages adds to what is told of its payments.

    `reason`: the payment reason of the token. `address`: the one that the buyer gave there, under the names of return
    URLs. `by_button`, `order_reference`: it was a Simple Pay button, and the seller's own number on it.
    """

    reason: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    by_button: bool = False
    order_reference: str | None = None


NOTHING_AGREED: Final = ConsentDetails()


@dataclass(frozen=True, slots=True)
class SignedForm:
    """Where a notification goes and its body, `application/x-www-form-urlencoded`."""

    url: str
    body: str


_ASKED_BY_STAFF: Final = re.compile(r"(?:console|refund)-[0-9a-f]{20,40}")
"""References of what people asked for on pages: services/seller/manual_operations.py, balance_refunds.py."""


def build(signer: MessageSigner, event: ClaimedEvent, fields: Mapping[str, str]) -> SignedForm:
    """The signed form of an event for its destination. The event's id is the request id in `certificateUrl`.

    Raises ValueError when the destination is not an absolute http or https URL.
    """
    return signed_form(signer, event.destination, quote(event.event_id, safe="-"), fields)


def signed_form(signer: MessageSigner, url: str, request_id: str, fields: Mapping[str, str]) -> SignedForm:
    """Fields as they are posted to `url`. Raises ValueError when that is not an absolute http or https URL."""
    message = sign_message(signer, "POST", url, fields, request_id)
    return SignedForm(message.url, signing.percent_encoded_query(message.params))


def is_wanted(event: ClaimedEvent, transaction: TransactionRecord, *, by_button: bool = False) -> bool:
    """Whether the seller asked to hear of this event. Source: docs/protocol/ipn.md, 2.

    `by_button`: the buyer paid on the hosted pages.
    """
    if transaction.operation == "WriteOffDebt":
        return event.notify_write_offs
    later = transaction.was_pending or event.status == "Pending" or status_number(event) > 1
    if event.notify_immediate or later:
        return True
    answered_nobody = by_button or transaction.operation in _TOLD_BY_NOBODY  # no program had it as an answer
    return answered_nobody or _ASKED_BY_STAFF.fullmatch(transaction.caller_reference) is not None


def transaction_fields(
    event: ClaimedEvent, transaction: TransactionRecord, agreed: ConsentDetails = NOTHING_AGREED
) -> dict[str, str]:
    """A transaction as it was when the event happened; its amount is for the caller to look up.

    The buyer is who pays for goods, also in a refund, where the money goes back; a caller that is not the recipient
    does not learn the buyer's e-mail address.
    """
    buyer, merchant = transaction.buyer, transaction.merchant
    buyer_name = None if buyer is None else buyer.name
    buyer_email = None if buyer is None or merchant.party_id != transaction.seller.party_id else buyer.email
    done, status = operation(event, transaction.operation), (event.status or "").upper()
    return _present(
        {
            "notificationType": TRANSACTION_STATUS,
            "transactionId": transaction.transaction_id,
            "transactionStatus": status,
            "transactionDate": str(milliseconds_of_transaction(transaction.transaction_id) // 1000),
            "transactionAmount": f"{USD} {display_amount(transaction.amount_micros)}",
            "operation": done,
            "statusCode": event.status_code,
            "statusMessage": _sentence(event, transaction),
            "callerReference": transaction.caller_reference,
            "paymentMethod": transaction.payment_method,
            "paymentReason": transaction.caller_description or agreed.reason,
            "buyerName": buyer_name,
            "buyerEmail": buyer_email,
            "recipientName": merchant.name,
            "recipientEmail": merchant.email,
            "customerName": buyer_name,
            "customerEmail": buyer_email,
            "status": _BUTTON_STATUSES.get((done, status)) if agreed.by_button else None,
            "referenceId": agreed.order_reference,
            **_address(agreed),
        }
    )


def address_in(answer: Mapping[str, str]) -> dict[str, str]:
    """The delivery address among the parameters of a return URL."""
    return {name: answer[name] for name in _ADDRESS if name in answer}


def _address(agreed: ConsentDetails) -> dict[str, str]:
    address = {_ADDRESS[name]: value for name, value in agreed.address.items()}
    return {"isShippingAddressProvided": "TRUE", **address} if address else {}


def token_fields(token: TokenRecord) -> dict[str, str]:
    """A token that was cancelled."""
    return _present(
        {
            "notificationType": TOKEN_CANCELLATION,
            "tokenId": token.token_id,
            "tokenType": token.token_type,
            "dateInstalled": format_moment(token.created_at),
            "callerReference": token.caller_reference,
        }
    )


def operation(event: ClaimedEvent, name: str) -> str:
    """What happened, in the notification's spelling. Cancelling and settling a reservation have names of their own."""
    if name == "Dispute":
        return OPERATIONS[name]
    if event.status == _CANCELLED:
        return "CANCEL_TRANSACTION" if event.status_code == _EXPIRED_CODE else "CANCEL"
    if name == "Reserve" and not _is_being_reserved(event):
        return OPERATIONS["Settle"]
    return OPERATIONS[name]


def _is_being_reserved(event: ClaimedEvent) -> bool:
    """Pending, then Reserved or Failure, are a reservation's own; what comes after belongs to its settlement."""
    return status_number(event) <= _STATUSES_OF_RESERVING


def status_number(event: ClaimedEvent) -> int:
    """Which of its transaction's statuses an event tells, counted from 1."""
    return int(event.event_id.rpartition("-")[2])


def _sentence(event: ClaimedEvent, transaction: TransactionRecord) -> str | None:
    if (event.status, event.status_code) == (transaction.status, transaction.status_code):
        return transaction.status_message
    return _EARLIER_SENTENCES.get(event.status_code or "")


def _present(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Parameters that have no value are left out."""
    return {name: value for name, value in fields.items() if value}
