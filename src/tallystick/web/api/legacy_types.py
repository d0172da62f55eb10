"""The complex types of 2007-01-08 that later versions have changed: their elements in the order of that schema.

Source: the public schema of that interface, docs/protocol/actions.yaml, XSD07; decision 031.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.services.api.types import COMPLEX_TYPES


@dataclass(frozen=True, slots=True)
class LegacyElement:
    """One element. `value`: the name under which the results of the handlers have it."""

    name: str
    value: str
    type: str
    optional: bool


def _elements(text: str) -> tuple[LegacyElement, ...]:
    """Read ``Name:Type`` or ``Name=Value:Type`` separated by blanks; ``?`` optional."""
    found = []
    for part in text.split():
        names, kind = part.split(":")
        name, _, value = names.partition("=")
        found.append(LegacyElement(name, value or name, kind.rstrip("?"), optional=kind.endswith("?")))
    return tuple(found)


_CHANGED: Final[Mapping[str, tuple[LegacyElement, ...]]] = {
    "Amount": _elements("CurrencyCode:CurrencyCode Amount=Value:string"),
    "Token": _elements(
        "TokenId:string FriendlyName:string Status=TokenStatus:TokenStatus DateInstalled:dateTime "
        "CallerInstalled:string CallerReference:string TokenType:TokenType OldTokenId:string? PaymentReason:string?"
    ),
    "TokenUsageLimit": _elements(
        "Count:integer? Amount:Amount? LastResetCount:integer? LastResetAmount:Amount? "
        "LastResetTimeStamp=LastResetTimestamp:dateTime?"
    ),
    "TransactionPart": _elements(
        "AccountId:string InstrumentId:string? Role:TransactionalRole Name:string? Reference:string? "
        "Description:string? FeePaid=FeesPaid:Amount?"
    ),
    "Transaction": _elements(
        "TransactionId:string CallerTransactionDate:dateTime DateReceived:dateTime DateCompleted:dateTime? "
        "TransactionAmount:Amount Operation=FPSOperation:FPSOperation Status=TransactionStatus:TransactionStatus "
        "ErrorMessage=StatusMessage:string? ErrorCode=StatusCode:string? OriginalTransactionId:string? "
        "TransactionParts=TransactionPart:TransactionPart PaymentMethod:PaymentMethod SenderName:string? "
        "CallerName:string RecipientName:string? Fees=FPSFees:Amount Balance:Amount SenderTokenId:string? "
        "RecipientTokenId:string?"
    ),
    "RelatedTransaction": _elements("TransactionId:string"),
    "StatusHistory": _elements("Date:dateTime Status=TransactionStatus:TransactionStatus Amount:Amount"),
    "TransactionDetail": _elements(
        "TransactionId:string CallerTransactionDate:dateTime DateReceived:dateTime DateCompleted:dateTime? "
        "TransactionAmount:Amount Fees=FPSFees:Amount SenderTokenId:string? RecipientTokenId:string? "
        "PrepaidInstrumentId:string? CreditInstrumentId:string? Operation=FPSOperation:FPSOperation "
        "PaymentMethod:PaymentMethod Status=TransactionStatus:TransactionStatus ErrorCode=StatusCode:string? "
        "ErrorMessage=StatusMessage:string? SenderName:string? CallerName:string RecipientName:string? "
        "TransactionParts=TransactionPart:TransactionPart RelatedTransactions=RelatedTransaction:RelatedTransaction? "
        "StatusHistory:StatusHistory"
    ),
}

LEGACY_TYPES: Final[Mapping[str, tuple[LegacyElement, ...]]] = {
    **{
        name: tuple(LegacyElement(each.name, each.name, each.type, each.optional) for each in elements)
        for name, elements in COMPLEX_TYPES.items()
    },
    **_CHANGED,
}
"""Every complex type as 2007-01-08 has it."""
