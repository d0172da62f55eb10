"""How a visit ends: the answers of the hosted pages as values, and their spelling on the return URL.

Visits keep their answer in the spelling of the return URL (`encode_answer`), so that rows of earlier releases are read
like those of this one. No other module knows the names; docs/pipelines.md lists them from the table of pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, unique
from typing import Final

from tallystick.domain.commands import Method
from tallystick.domain.ids import InstrumentId, TokenId, TransactionId
from tallystick.domain.money import USD, display_amount
from tallystick.services.consent.address import WIRE_NAMES, DeliveryAddress, read_address, wire_address
from tallystick.services.consent.values import dollars_micros


@unique
class AnswerStatus(Enum):
    """What an answer says. The value is the protocol's code; parameters.STATUSES explains each."""

    AGREED_BALANCE = "SA"
    AGREED_BANK_ACCOUNT = "SB"
    AGREED_CARD = "SC"
    RECIPIENT_AGREED = "SR"
    UNCHANGED = "SU"
    ABANDONED = "A"
    CALLER_ERROR = "CE"
    SYSTEM_ERROR = "SE"
    NO_PAYMENT_METHOD = "PE"
    NOT_PERMITTED = "NP"
    NOT_MARKETPLACE = "NM"
    INVALID_TOKEN = "IT"  # noqa: S105 - a status
    UNRELATED_TOKEN = "UT"  # noqa: S105 - a status
    NO_ACCOUNT = "NA"
    PAID = "PS"
    PAYMENT_PENDING = "PI"
    PAYMENT_FAILED = "PF"
    BUTTON_ERROR = "ME"


AGREED_BY: Final[Mapping[Method, AnswerStatus]] = {
    Method.ABT: AnswerStatus.AGREED_BALANCE,
    Method.ACH: AnswerStatus.AGREED_BANK_ACCOUNT,
    Method.CC: AnswerStatus.AGREED_CARD,
}


@dataclass(frozen=True, slots=True)
class NoConsent:
    """Nothing was agreed to. `message` says why, for the developer of the seller's program."""

    status: AnswerStatus
    message: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """EditToken: the buyer stays with the means of payment that the token has."""

    token_id: TokenId

    @property
    def status(self) -> AnswerStatus:
        """Always the same."""
        return AnswerStatus.UNCHANGED


@dataclass(frozen=True, slots=True)
class PrepaidGrant:
    """The ids of a prepaid balance with its two tokens."""

    instrument_id: InstrumentId
    sender_token_id: TokenId
    funding_token_id: TokenId


@dataclass(frozen=True, slots=True)
class PostpaidGrant:
    """The ids of a tab with its two tokens."""

    instrument_id: InstrumentId
    sender_token_id: TokenId
    settlement_token_id: TokenId


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """The id of a sender token, also of one that takes the place of an edited token."""

    token_id: TokenId


@dataclass(frozen=True, slots=True)
class RecipientGrant:
    """The ids of a recipient token and of the refund token beside it."""

    token_id: TokenId
    refund_token_id: TokenId


Grant = PrepaidGrant | PostpaidGrant | TokenGrant | RecipientGrant


@dataclass(frozen=True, slots=True)
class ConsentAnswer:
    """Somebody agreed. `card_expiry`: month and year of the card chosen, None for other means.

    `address`: what the buyer typed, where the seller asked for it. `address_refused`: the seller gave an address that
    cannot be used; what was agreed to is good nevertheless.
    """

    status: AnswerStatus
    grant: Grant
    card_expiry: str | None = None
    address: DeliveryAddress | None = None
    address_refused: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a Simple Pay purchase was about. `at` in whole seconds; `order_reference` is the seller's own number."""

    amount_micros: int
    at: datetime
    reason: str
    buyer_name: str
    buyer_email: str
    recipient_name: str
    recipient_email: str
    method: Method | None
    order_reference: str | None


@dataclass(frozen=True, slots=True)
class PurchaseIds:
    """The token of a Simple Pay purchase and the payment made with it."""

    token_id: TokenId
    transaction_id: TransactionId


@dataclass(frozen=True, slots=True)
class PurchaseAnswer:
    """How a Simple Pay purchase ended. A payment that failed has a `message` and no ids."""

    status: AnswerStatus
    ids: PurchaseIds | None
    receipt: Receipt
    address: DeliveryAddress | None = None
    address_refused: bool = False
    message: str | None = None


VisitAnswer = NoConsent | Unchanged | ConsentAnswer | PurchaseAnswer

_ADDRESS_REFUSED: Final = {
    "warningCode": "invalidShippingAddress",
    "warningMessage": "The shipping address that was given cannot be used: the buyer was not shown it.",
}
_OPERATION: Final = "PAY"


def main_token(answer: VisitAnswer | None) -> TokenId | None:
    """The token that the request's first reference names; a purchase has no reference and so no such token."""
    match answer:
        case Unchanged():
            return answer.token_id
        case ConsentAnswer(grant=PrepaidGrant() | PostpaidGrant() as grant):
            return grant.sender_token_id
        case ConsentAnswer(grant=TokenGrant() | RecipientGrant() as grant):
            return grant.token_id
        case _:
            return None


def authorization_ids(answer: VisitAnswer | None) -> tuple[str, ...]:
    """The ids in an answer that stand for an authorization of its own; the tokens of an instrument belong to it."""
    match answer:
        case ConsentAnswer(grant=PrepaidGrant() | PostpaidGrant() as grant):
            return (grant.instrument_id,)
        case ConsentAnswer(grant=TokenGrant() as grant):
            return (grant.token_id,)
        case ConsentAnswer(grant=RecipientGrant() as grant):
            return (grant.token_id, grant.refund_token_id)
        case PurchaseAnswer(ids=PurchaseIds() as ids):
            return (ids.token_id,)
        case _:
            return ()


def encode_answer(answer: VisitAnswer) -> dict[str, str]:
    """The answer under the names of the return URL, before signing."""
    wire = {"status": answer.status.value}
    match answer:
        case NoConsent():
            return wire | _given({"errorMessage": answer.message})
        case Unchanged():
            return wire | {"tokenID": answer.token_id}
        case ConsentAnswer():
            wire |= _encode_grant(answer.grant) | _given({"expiry": answer.card_expiry})
        case PurchaseAnswer():
            wire |= _encode_receipt(answer.receipt) | _given({"errorMessage": answer.message})
            if answer.ids is not None:
                wire |= {"tokenId": answer.ids.token_id, "transactionId": answer.ids.transaction_id}
    if answer.address is not None:
        wire |= _given(wire_address(answer.address))
    return wire | _ADDRESS_REFUSED if answer.address_refused else wire


def decode_answer(wire: Mapping[str, str]) -> VisitAnswer:
    """The answer in a visit's row. Raises KeyError or ValueError: no row of ours."""
    status = AnswerStatus(wire["status"])
    address = read_address(wire) if WIRE_NAMES.keys() & wire.keys() else None
    refused = "warningCode" in wire
    message = wire.get("errorMessage")
    if "operation" in wire:
        ids = None
        if "transactionId" in wire:
            ids = PurchaseIds(TokenId(wire["tokenId"]), TransactionId(wire["transactionId"]))
        return PurchaseAnswer(status, ids, _decode_receipt(wire), address, refused, message)
    if status is AnswerStatus.UNCHANGED:
        return Unchanged(TokenId(wire["tokenID"]))
    grant = _decode_grant(wire)
    if grant is None:
        return NoConsent(status, message or "")
    return ConsentAnswer(status, grant, wire.get("expiry"), address, refused)


def _given(wire: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in wire.items() if value}


def _encode_grant(grant: Grant) -> dict[str, str]:
    match grant:
        case PrepaidGrant():
            return {
                "prepaidInstrumentID": grant.instrument_id,
                "prepaidSenderTokenID": grant.sender_token_id,
                "fundingTokenID": grant.funding_token_id,
            }
        case PostpaidGrant():
            return {
                "creditInstrumentID": grant.instrument_id,
                "creditSenderTokenID": grant.sender_token_id,
                "settlementTokenID": grant.settlement_token_id,
            }
        case TokenGrant():
            return {"tokenID": grant.token_id}
        case RecipientGrant():
            return {"tokenID": grant.token_id, "refundTokenID": grant.refund_token_id}


def _decode_grant(wire: Mapping[str, str]) -> Grant | None:
    if "prepaidInstrumentID" in wire:
        return PrepaidGrant(
            InstrumentId(wire["prepaidInstrumentID"]),
            TokenId(wire["prepaidSenderTokenID"]),
            TokenId(wire["fundingTokenID"]),
        )
    if "creditInstrumentID" in wire:
        return PostpaidGrant(
            InstrumentId(wire["creditInstrumentID"]),
            TokenId(wire["creditSenderTokenID"]),
            TokenId(wire["settlementTokenID"]),
        )
    if "tokenID" not in wire:
        return None
    token_id = TokenId(wire["tokenID"])
    return RecipientGrant(token_id, TokenId(wire["refundTokenID"])) if "refundTokenID" in wire else TokenGrant(token_id)


def _encode_receipt(receipt: Receipt) -> dict[str, str]:
    optional = {
        "paymentMethod": None if receipt.method is None else receipt.method.value,
        "referenceId": receipt.order_reference,
    }
    return {
        "transactionAmount": f"{USD} {display_amount(receipt.amount_micros)}",
        "transactionDate": str(int(receipt.at.timestamp())),
        "operation": _OPERATION,
        "paymentReason": receipt.reason,
        "buyerName": receipt.buyer_name,
        "buyerEmail": receipt.buyer_email,
        "recipientName": receipt.recipient_name,
        "recipientEmail": receipt.recipient_email,
    } | _given(optional)


def _decode_receipt(wire: Mapping[str, str]) -> Receipt:
    return Receipt(
        amount_micros=dollars_micros(wire["transactionAmount"]),
        at=datetime.fromtimestamp(int(wire["transactionDate"]), UTC),
        reason=wire["paymentReason"],
        buyer_name=wire["buyerName"],
        buyer_email=wire["buyerEmail"],
        recipient_name=wire["recipientName"],
        recipient_email=wire["recipientEmail"],
        method=Method(wire["paymentMethod"]) if "paymentMethod" in wire else None,
        order_reference=wire.get("referenceId"),
    )
