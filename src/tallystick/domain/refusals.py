"""Every way we say no, in one catalogue.

Source: docs/protocol/errors.md. There are the 58 official codes of version 2010-08-28, the codes seen on the wire, and
those of the generic query front end of that time. HTTP status: 400 for faults of parameters and of business, 401 for
AuthFailure, 403 for unknown keys and wrong signatures, 5xx for faults of ours.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import Final


@unique
class Retry(Enum):
    """Whether asking for the same again can help, at once or after something has changed; the words of the reference.

    A refusal by the books is recorded under the request's CallerReference: the same request gets it again.
    Source: docs/protocol/semantics.md, 4.
    """

    NO = "no"
    SAME_REQUEST = "the same request"
    NEW_REFERENCE = "with a new CallerReference"

    @property
    def can_help(self) -> bool:
        """Whether asking again can succeed."""
        return self is not Retry.NO


@unique
class Refusal(Enum):
    """One way to say no; its name is the protocol's code. HTTP status, whether asking again can help, meaning."""

    # the official set of 2010-08-28
    AccessFailure = (
        400,
        Retry.NEW_REFERENCE,
        "the account cannot be reached now",
    )
    AccountClosed = (
        400,
        Retry.NO,
        "the account is not active",
    )
    AccountLimitsExceeded = (
        400,
        Retry.NEW_REFERENCE,
        "a spending or receiving limit of the account would be passed",
    )
    AmountOutOfRange = (
        400,
        Retry.NEW_REFERENCE,
        "the amount is outside what this operation allows",
    )
    AuthFailure = (
        401,
        Retry.SAME_REQUEST,
        "the credentials are not accepted: the account may not use this service, or the key is not for this call",
    )
    ConcurrentModification = (
        400,
        Retry.SAME_REQUEST,
        "two processes changed the same data",
    )
    DuplicateRequest = (
        400,
        Retry.NO,
        "the caller reference was used by a different request, also by one that was refused",
    )
    IncompatibleTokens = (
        400,
        Retry.NO,
        "the rules of the tokens do not fit together or do not fit this operation",
    )
    InactiveInstrument = (
        400,
        Retry.NEW_REFERENCE,
        "payment instrument not active, e.g. card expired",
    )
    InstrumentAccessDenied = (
        400,
        Retry.NO,
        "the caller does not hold this prepaid or credit instrument",
    )
    InstrumentExpired = (
        400,
        Retry.NO,
        "prepaid or postpaid instrument has expired",
    )
    InsufficientBalance = (
        400,
        Retry.NEW_REFERENCE,
        "the account or instrument lacks the funds, or the payer of the fee does",
    )
    InternalError = (
        500,
        Retry.SAME_REQUEST,
        "a passing fault on our side",
    )
    InvalidAccountState = (
        400,
        Retry.SAME_REQUEST,
        "the account is suspended or closed",
    )
    InvalidAccountState_Caller = (
        400,
        Retry.NEW_REFERENCE,
        "developer account may not take part",
    )
    InvalidAccountState_Recipient = (
        400,
        Retry.NEW_REFERENCE,
        "recipient account may not take part",
    )
    InvalidAccountState_Sender = (
        400,
        Retry.NEW_REFERENCE,
        "sender account may not take part",
    )
    InvalidCallerReference = (
        400,
        Retry.SAME_REQUEST,
        "no token belongs to this caller reference",
    )
    InvalidClientTokenId = (
        403,
        Retry.NO,
        "the access key id is unknown, or the key has been revoked or has expired",
    )
    InvalidDateRange = (
        400,
        Retry.SAME_REQUEST,
        "end before start, or start in the future",
    )
    InvalidParams = (
        400,
        Retry.NO,
        "a parameter is missing or invalid; also an id that does not exist",
    )
    InvalidPaymentInstrument = (
        400,
        Retry.NO,
        "payment method used is invalid",
    )
    InvalidPaymentMethod = (
        400,
        Retry.NO,
        "the payment method must be named correctly",
    )
    InvalidRecipientForCCTransaction = (
        400,
        Retry.NEW_REFERENCE,
        "recipient account may not receive card payments",
    )
    InvalidSenderRoleForAccountType = (
        400,
        Retry.NO,
        "token not usable for this operation",
    )
    InvalidTokenId = (
        400,
        Retry.NO,
        "the token to cancel was not installed by you",
    )
    InvalidTokenId_Recipient = (
        400,
        Retry.NO,
        "recipient token invalid or cancelled",
    )
    InvalidTokenId_Sender = (
        400,
        Retry.NEW_REFERENCE,
        "sender token invalid, cancelled or not active",
    )
    InvalidTokenType = (
        400,
        Retry.NO,
        "operation not possible for this token type, e.g. usage of a single-use token",
    )
    InvalidTransactionId = (
        400,
        Retry.NO,
        "not found, or not executed by this caller, or not a Pay/Reserve",
    )
    InvalidTransactionState = (
        400,
        Retry.NO,
        "not complete, or temporarily failed",
    )
    NotMarketplaceApp = (
        400,
        Retry.NEW_REFERENCE,
        "not a marketplace application, or the caller is neither sender nor recipient",
    )
    OriginalTransactionFailed = (
        400,
        Retry.NO,
        "the original failed",
    )
    OriginalTransactionIncomplete = (
        400,
        Retry.NEW_REFERENCE,
        "the original is still in progress",
    )
    PaymentInstrumentNotCC = (
        400,
        Retry.NO,
        "only a credit card works here",
    )
    PaymentMethodNotDefined = (
        400,
        Retry.NO,
        "the transaction defines no payment method",
    )
    PrepaidFundingLimitExceeded = (
        400,
        Retry.NEW_REFERENCE,
        "funding would pass the recharge limit",
    )
    RefundAmountExceeded = (
        400,
        Retry.NEW_REFERENCE,
        "more than what is left to refund",
    )
    SameSenderAndRecipient = (
        400,
        Retry.NO,
        "sender and recipient are the same account",
    )
    SameTokenIdUsedMultipleTimes = (
        400,
        Retry.NO,
        "the token was used in earlier transactions",
    )
    SenderNotOriginalRecipient = (
        400,
        Retry.NO,
        "sender of the refund is not the recipient of the original",
    )
    SettleAmountGreaterThanDebt = (
        400,
        Retry.NEW_REFERENCE,
        "settled or written-off amount is more than the debt",
    )
    SettleAmountGreaterThanReserveAmount = (
        400,
        Retry.NO,
        "settled amount is more than reserved",
    )
    SignatureDoesNotMatch = (
        403,
        Retry.NO,
        "the signature is not the one that we compute",
    )
    TokenAccessDenied = (
        400,
        Retry.NO,
        "not allowed to cancel the token",
    )
    TokenNotActive = (
        400,
        Retry.NO,
        "the token is cancelled",
    )
    TokenNotActive_Recipient = (
        400,
        Retry.NO,
        "recipient token cancelled",
    )
    TokenNotActive_Sender = (
        400,
        Retry.NO,
        "sender token cancelled",
    )
    TokenUsageError = (
        400,
        Retry.NEW_REFERENCE,
        "usage limit of the token passed",
    )
    TransactionDenied = (
        400,
        Retry.NEW_REFERENCE,
        "not allowed",
    )
    TransactionFullyRefundedAlready = (
        400,
        Retry.NEW_REFERENCE,
        "nothing left to refund",
    )
    TransactionTypeNotRefundable = (
        400,
        Retry.NO,
        "this kind cannot be refunded",
    )
    UnverifiedAccount_Recipient = (
        400,
        Retry.NEW_REFERENCE,
        "recipient needs a verified bank account or card",
    )
    UnverifiedAccount_Sender = (
        400,
        Retry.NEW_REFERENCE,
        "the sender needs a verified card or bank account",
    )
    UnverifiedBankAccount = (
        400,
        Retry.NEW_REFERENCE,
        "needs a verified bank account",
    )
    UnverifiedEmailAddress_Caller = (
        400,
        Retry.NEW_REFERENCE,
        "caller e-mail not verified",
    )
    UnverifiedEmailAddress_Recipient = (
        400,
        Retry.NEW_REFERENCE,
        "recipient e-mail not verified",
    )
    UnverifiedEmailAddress_Sender = (
        400,
        Retry.NEW_REFERENCE,
        "sender e-mail not verified",
    )

    # seen on the wire, not in the official set
    InvalidRequest = (400, Retry.NO, "the request does not conform to the interface, e.g. an unknown parameter")
    InvalidParameterValue = (400, Retry.NO, "a common parameter has a form that cannot be read")
    RequestExpired = (400, Retry.SAME_REQUEST, "the timestamp is too old or too far ahead")

    InvalidSignature = (403, Retry.NO, "a signature that cannot be read, or is none of ours")
    InvalidSubscriptionState = (400, Retry.NO, "the subscription is cancelled or completed already")

    # of 2007-01-08, for the texts of InstallPaymentInstruction; their messages tell line and column
    BadRule = (400, Retry.NO, "the payment instruction has a fault")
    CannotSpecifyUsageForSingleUseToken = (400, Retry.NO, "a single-use token cannot have usage limits")
    InvalidUsageDuration = (400, Retry.NO, "the window of a usage limit is too short, or no window")
    InvalidUsageLimitCount = (400, Retry.NO, "a usage limit is missing or nothing")
    InvalidUsageType = (400, Retry.NO, "the type of a usage limit is missing, unknown or another than its limit's")
    PaymentInstrumentMissing = (400, Retry.SAME_REQUEST, "the token names a payment method but nothing to pay with")
    InvalidTokenId_Caller = (400, Retry.NO, "caller token invalid; calls of 2007-01-08 only")
    TokenNotActive_Caller = (400, Retry.NO, "caller token cancelled or expired; calls of 2007-01-08 only")
    UsageNotDefined = (400, Retry.NO, "a multi-use or recurring token has no usage limit")

    # of the generic query front end
    MissingParameter = (400, Retry.NO, "a common parameter is missing")
    InvalidAction = (400, Retry.NO, "there is no such action")
    NoSuchVersion = (400, Retry.NO, "there is no such version of the interface")
    MissingClientTokenId = (403, Retry.NO, "the request names no access key")
    MissingAuthenticationToken = (403, Retry.NO, "the request is not signed")
    MalformedQueryString = (400, Retry.NO, "the parameters cannot be decoded")
    Throttling = (503, Retry.SAME_REQUEST, "too many calls in a short time")
    ServiceUnavailable = (503, Retry.SAME_REQUEST, "the service cannot answer now")

    def __init__(self, http_status: int, retry: Retry, meaning: str) -> None:
        self.http_status = http_status
        self.retry = retry
        self.meaning = meaning


class Refused(Exception):  # noqa: N818 - an expected answer, not an error
    """Raised by checks, caught where the decision or the answer is made. `message` is for the caller's developer.

    `also`: further faults of the same request, for the one version that can tell more than one.
    """

    def __init__(self, refusal: Refusal, message: str = "", also: tuple[Refused, ...] = ()) -> None:
        super().__init__(refusal, message)
        self.also = also
        self.refusal = refusal
        self.message = message or f"Refused: {refusal.meaning}."

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and (self.refusal, self.message) == (other.refusal, other.message)

    def __hash__(self) -> int:
        return hash((self.refusal, self.message))

    def __str__(self) -> str:
        return f"{self.refusal.name}: {self.message}"


def wrong_clock() -> Refused:
    """The refusal of whatever would be dated, while the clock of the process is doubted."""
    message = "The clock of the service cannot be relied on; nothing was done. Try again later."
    return Refused(Refusal.ServiceUnavailable, message)


PASSING: Final = frozenset({Refusal.ConcurrentModification, Refusal.ServiceUnavailable})
"""With these the books have done nothing and remembered nothing: what carries out by itself tries again later."""
