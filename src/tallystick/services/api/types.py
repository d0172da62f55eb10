"""The types of the interface as data: enumerations, and complex types with their elements in schema order.

Source: docs/protocol/datatypes.md. Rendering, parsing, docs and tests read these tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

Value: TypeAlias = "str | int | datetime | Mapping[str, Value] | Sequence[Mapping[str, Value]] | None"
"""One element of a result. None, or no entry at all, leaves an optional element out."""

Result: TypeAlias = "Mapping[str, Value]"


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a result or of a complex type. `type` names a scalar, an enumeration or a complex type."""

    name: str
    type: str
    optional: bool = False
    repeated: bool = False
    max_occurs: int | None = None


def _elements(text: str) -> tuple[Element, ...]:
    """Read ``Name:Type`` separated by blanks; ``?`` optional, ``*`` any number, ``+`` at least one."""
    return tuple(
        Element(name, kind.rstrip("?*+"), optional=kind[-1] in "?*", repeated=kind[-1] in "*+")
        for name, kind in (part.split(":") for part in text.split())
    )


SCALARS: Final = ("string", "integer", "dateTime")

ENUMERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "CurrencyCode": ("USD",),
    "ChargeFeeTo": ("Caller", "Recipient"),
    "FPSOperation": ("Pay", "Refund", "Settle", "SettleDebt", "WriteOffDebt", "FundPrepaid", "Reserve"),
    "PaymentMethod": ("ABT", "CC", "ACH", "Debt", "Prepaid"),
    "TransactionStatus": ("Reserved", "Success", "Failure", "Pending", "Cancelled"),
    "TransactionalRole": ("Sender", "Caller", "Recipient"),
    "RelationType": ("Refund", "Parent", "MarketplaceFee", "RefundReversal"),
    "SortOrder": ("Ascending", "Descending"),
    "TokenStatus": ("Active", "Inactive"),
    "TokenType": ("SingleUse", "MultiUse", "Recurring", "Unrestricted"),
    "MarketplaceRefundPolicy": ("MasterTxnOnly", "MarketplaceTxnOnly", "MasterAndMarketplaceTxn"),
    "SoftDescriptorType": ("Dynamic", "Static"),
    "CSOwner": ("Caller", "Recipient"),
    "VerificationStatus": ("Success", "Failure"),
    "RecipientVerificationStatus": ("VerificationComplete", "VerificationPending", "VerificationCompleteNoLimits"),
    "SubscriptionStatus": ("Active", "Cancelled", "Completed"),
    "TimeUnit": ("day", "month", "week", "year"),
}

ENUMERATIONS_OF: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "2011-09-20": {"RecipientVerificationStatus": ("PendingUserAction", "PendingReview", "Closed", "Active")}
}
"""Enumerations that have other values in one version of the interface, by version and name."""

COMPLEX_TYPES: Final[Mapping[str, tuple[Element, ...]]] = {
    "Amount": _elements("CurrencyCode:CurrencyCode Value:string"),
    "DescriptorPolicy": _elements("SoftDescriptorType:SoftDescriptorType? CSOwner:CSOwner?"),
    "AvailableBalances": _elements("DisburseBalance:Amount RefundBalance:Amount"),
    "AccountBalance": _elements(
        "TotalBalance:Amount PendingInBalance:Amount PendingOutBalance:Amount AvailableBalances:AvailableBalances"
    ),
    "PrepaidBalance": _elements("AvailableBalance:Amount PendingInBalance:Amount?"),
    "OutstandingPrepaidLiability": _elements("OutstandingBalance:Amount PendingInBalance:Amount?"),
    "DebtBalance": _elements("AvailableBalance:Amount PendingOutBalance:Amount?"),
    "OutstandingDebtBalance": _elements("OutstandingBalance:Amount PendingOutBalance:Amount?"),
    "Token": _elements(
        "TokenId:string FriendlyName:string TokenStatus:TokenStatus DateInstalled:dateTime CallerReference:string "
        "TokenType:TokenType OldTokenId:string? PaymentReason:string?"
    ),
    "TokenUsageLimit": _elements(
        "Count:integer? Amount:Amount? LastResetCount:integer? LastResetAmount:Amount? LastResetTimestamp:dateTime?"
    ),
    "TransactionPart": _elements(
        "InstrumentId:string? Role:TransactionalRole Name:string? Reference:string? Description:string? "
        "FeesPaid:Amount?"
    ),
    "Transaction": _elements(
        "TransactionId:string CallerTransactionDate:dateTime DateReceived:dateTime DateCompleted:dateTime? "
        "TransactionAmount:Amount FPSOperation:FPSOperation TransactionStatus:TransactionStatus "
        "StatusMessage:string? StatusCode:string? OriginalTransactionId:string? TransactionPart:TransactionPart+ "
        "PaymentMethod:PaymentMethod SenderName:string? CallerName:string RecipientName:string? FPSFees:Amount "
        "Balance:Amount SenderTokenId:string? RecipientTokenId:string?"
    ),
    "RelatedTransaction": _elements("TransactionId:string RelationType:RelationType?"),
    "StatusHistory": _elements("Date:dateTime TransactionStatus:TransactionStatus StatusCode:string? Amount:Amount"),
    "TransactionDetail": _elements(
        "TransactionId:string CallerReference:string CallerDescription:string? SenderDescription:string? "
        "DateReceived:dateTime DateCompleted:dateTime? TransactionAmount:Amount FPSFees:Amount "
        "MarketplaceFees:Amount? FPSFeesPaidBy:TransactionalRole SenderTokenId:string? RecipientTokenId:string? "
        "PrepaidInstrumentId:string? CreditInstrumentId:string? FPSOperation:FPSOperation "
        "PaymentMethod:PaymentMethod TransactionStatus:TransactionStatus StatusCode:string? StatusMessage:string? "
        "SenderName:string? SenderEmail:string? CallerName:string RecipientName:string? RecipientEmail:string? "
        "RelatedTransaction:RelatedTransaction* StatusHistory:StatusHistory+"
    ),
    "Duration": _elements("Value:integer TimeUnit:TimeUnit"),
    "SubscriptionDetails": _elements(
        "SubscriptionId:string Description:string SubscriptionAmount:Amount NextTransactionAmount:Amount? "
        "PromotionalAmount:Amount? NumberOfPromotionalTransactions:integer StartDate:dateTime EndDate:dateTime? "
        "SubscriptionPeriod:Duration? SubscriptionFrequency:Duration OverrideIPNUrl:string? "
        "SubscriptionStatus:SubscriptionStatus NumberOfTransactionsProcessed:integer RecipientEmail:string "
        "RecipientName:string SenderEmail:string SenderName:string NextTransactionDate:dateTime?"
    ),
    "SubscriptionTransaction": _elements(
        "TransactionId:string TransactionDate:dateTime TransactionSerialNumber:integer TransactionAmount:Amount "
        "Description:string TransactionStatus:TransactionStatus"
    ),
}
