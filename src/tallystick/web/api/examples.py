"""A worked request and answer for each action, made of the same tables and by the same rendering as the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from tallystick.domain.ids import BookId, IdKind, make_token_or_instrument_id, make_transaction_id
from tallystick.domain.messages.signing import hmac_signature, percent_encoded_query, string_to_sign_v2
from tallystick.services.api.fields import Field, Need
from tallystick.services.api.registry import Action
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS, Element, Result, Value

HOST: Final = "pay.example.com"
KEY_ID: Final = "AK0EXAMPLE0EXAMPLE00"
SECRET: Final = "made up for the examples"  # noqa: S105 - it opens nothing
REQUEST_ID: Final = "0b1c2d3e-0000-4000-8000-00000000abcd"

_MOMENT: Final = datetime(2027, 3, 1, 12, tzinfo=UTC)
_BOOK: Final = BookId(0x2A51_7C0F_93D4_1E68)


def _token(kind: IdKind) -> str:
    return make_token_or_instrument_id(kind, _BOOK, kind.value.encode() * 27)


def _transaction(number: int) -> str:
    moment = int((_MOMENT - timedelta(minutes=number)).timestamp() * 1000)
    return make_transaction_id(_BOOK, moment, bytes([number] * 5))


_TEXTS: Final[Mapping[str, str]] = {
    "SenderTokenId": _token(IdKind.SENDER),
    "RecipientTokenId": _token(IdKind.RECIPIENT),
    "TokenId": _token(IdKind.SENDER),
    "OldTokenId": _token(IdKind.SENDER),
    "SubscriptionId": _token(IdKind.SENDER),
    "PrepaidInstrumentId": _token(IdKind.PREPAID_INSTRUMENT),
    "CreditInstrumentId": _token(IdKind.CREDIT_INSTRUMENT),
    "TransactionId": _transaction(1),
    "ReserveTransactionId": _transaction(1),
    "OriginalTransactionId": _transaction(2),
    "RefundTransactionId": _transaction(2),
    "CallerReference": "order-7",
    "CallerDescription": "Order 7",
    "SenderDescription": "One song",
    "Description": "One song",
    "StatusCode": "Success",
    "StatusMessage": "The transaction succeeded.",
    "PaymentInstruction": "MyRole == 'Recipient';",
    "UrlEndPoint": "https://shop.example.com/return",
    "HttpParameters": "status=SA&signatureVersion=2&certificateUrl=https%3A%2F%2Fpay.example.com%2Fcerts&signature=x",
    "FriendlyName": "Music shop",
    "TokenFriendlyName": "Music shop",
    "PaymentReason": "Songs",
    "SenderName": "Ada Buyer",
    "SenderEmail": "ada@example.com",
    "CallerName": "Music Shop",
    "RecipientName": "Music Shop",
    "RecipientEmail": "shop@example.com",
    "Name": "Music Shop",
    "Reference": "order-7",
    "Role": "Recipient",
}
_FUNDING: Final[Mapping[str, str]] = {
    "FundPrepaid": _token(IdKind.FUNDING),
    "SettleDebt": _token(IdKind.SETTLEMENT),
}
_CHOICES: Final[Mapping[str, str]] = {
    "TransactionStatus": "Success",
    "TransactionalRole": "Recipient",
    "TokenType": "MultiUse",
    "TimeUnit": "month",
    "PaymentMethod": "ABT",
}
_LEFT_OUT: Final = frozenset(
    {"PromotionalAmount", "OverrideIPNUrl", "InstrumentId", "OriginalTransactionId", "MarketplaceFees", "EndDate"}
    | {"SubscriptionPeriod", "StartTimeForNextTransaction", "RelatedTransaction"}
    | {"PrepaidInstrumentId", "CreditInstrumentId"}
)
"""Optional elements that most answers lack."""
_SHOWN: Final = frozenset({"TokenId", "RefundAmount", "CallerDescription", "MaxBatchSize"})
"""Fields that are shown although they are not required."""


def example_parameters(action: Action, version: str) -> dict[str, str]:
    """The action's own parameters: those required, and a few more."""
    fields = [field for field in action.tables[version].fields if _is_shown(action, field)]
    params: dict[str, str] = {}
    for field in fields:
        if field.type == "Amount":
            params |= {f"{field.name}.CurrencyCode": "USD", f"{field.name}.Value": "5.00"}
        else:
            params[field.name] = _request_text(action, field)
    return params


def _is_shown(action: Action, field: Field) -> bool:
    refunds = action.name == "CancelSubscriptionAndRefund" and field.name == "CallerReference"
    return field.need is Need.REQUIRED or field.name in _SHOWN or refunds


def _request_text(action: Action, field: Field) -> str:
    if field.allowed:
        return _CHOICES.get(field.type, field.allowed[0])
    if field.type == "dateTime":
        return _MOMENT.strftime("%Y-%m-%dT%H:%M:%SZ")
    if field.type == "integer":
        return "20"
    return _FUNDING.get(action.name, _TEXTS[field.name]) if field.name == "SenderTokenId" else _TEXTS[field.name]


def example_request(action: Action, version: str) -> str:
    """The whole signed request, as bytes on the wire look."""
    params = {
        "Action": action.name,
        "AWSAccessKeyId": KEY_ID,
        **example_parameters(action, version),
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": _MOMENT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": version,
    }
    signature = hmac_signature(string_to_sign_v2("POST", HOST, "/", params, "Signature"), SECRET, "HmacSHA256")
    body = percent_encoded_query({**params, "Signature": signature}).replace("&", "\n&")
    form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
    return f"POST / HTTP/1.1\nHost: {HOST}\n{form}\n\n{body}\n"


def example_result(action: Action) -> Result:
    """A result with every element that answers usually have."""
    return {element.name: _value(element) for element in action.result or () if element.name not in _LEFT_OUT}


def _value(element: Element) -> Value:
    if element.type == "Amount":
        return {"CurrencyCode": "USD", "Value": "0.300000" if "Fee" in element.name else "5.000000"}
    if element.type in COMPLEX_TYPES:
        members: Mapping[str, Value] = {
            member.name: _value(member)
            for member in COMPLEX_TYPES[element.type]
            if not (member.optional and member.name in _LEFT_OUT)
        }
        return [members] if element.repeated else members
    if element.type in ENUMERATIONS:
        return _CHOICES.get(element.type, ENUMERATIONS[element.type][0])
    if element.type == "dateTime":
        return _MOMENT
    return 1 if element.type == "integer" else _TEXTS[element.name]
