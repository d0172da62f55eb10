"""Which refusals each action can send, beside those that any call can meet: for the reference; tests look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.domain.refusals import Refusal

R = Refusal

ANY: Final = (
    R.AccountClosed,
    R.AuthFailure,
    R.InternalError,
    R.InvalidAction,
    R.InvalidClientTokenId,
    R.InvalidParameterValue,
    R.InvalidParams,
    R.InvalidRequest,
    R.InvalidSignature,
    R.MalformedQueryString,
    R.MissingAuthenticationToken,
    R.MissingClientTokenId,
    R.MissingParameter,
    R.NoSuchVersion,
    R.RequestExpired,
    R.ServiceUnavailable,
    R.SignatureDoesNotMatch,
    R.Throttling,
)
"""Before an action is carried out at all; see docs/order-of-checks.md."""

_BOOKS: Final = (R.ConcurrentModification, R.InvalidAccountState_Caller)
_MONEY: Final = (*_BOOKS, R.AccessFailure, R.AmountOutOfRange, R.DuplicateRequest, R.InsufficientBalance)
_SENDER: Final = (
    *_MONEY,
    R.IncompatibleTokens,
    R.InvalidAccountState_Sender,
    R.InvalidSenderRoleForAccountType,
    R.InvalidTokenId_Sender,
    R.TokenNotActive_Sender,
    R.TransactionDenied,
    R.UnverifiedEmailAddress_Caller,
    R.UnverifiedEmailAddress_Sender,
)
_REAL_MONEY: Final = (
    *_SENDER,
    R.AccountLimitsExceeded,
    R.InactiveInstrument,
    R.InvalidPaymentInstrument,
    R.InvalidRecipientForCCTransaction,
    R.PaymentMethodNotDefined,
    R.UnverifiedAccount_Recipient,
    R.UnverifiedAccount_Sender,
    R.UnverifiedBankAccount,
)
_PAYMENT: Final = (
    *_REAL_MONEY,
    R.InvalidAccountState_Recipient,
    R.InvalidTokenId_Recipient,
    R.NotMarketplaceApp,
    R.SameSenderAndRecipient,
    R.SameTokenIdUsedMultipleTimes,
    R.TokenNotActive_Recipient,
    R.TokenUsageError,
    R.UnverifiedEmailAddress_Recipient,
)
_ORIGINAL: Final = (
    R.InvalidTransactionId,
    R.OriginalTransactionFailed,
    R.OriginalTransactionIncomplete,
)
_REFUND: Final = (
    *_MONEY,
    *_ORIGINAL,
    R.PaymentMethodNotDefined,
    R.RefundAmountExceeded,
    R.SenderNotOriginalRecipient,
    R.TransactionFullyRefundedAlready,
    R.TransactionTypeNotRefundable,
)
_TOKEN: Final = (R.InvalidTokenId, R.TokenAccessDenied)

ERRORS_OF: Final[Mapping[str, tuple[Refusal, ...]]] = {
    "Pay": (*_PAYMENT, R.InstrumentExpired),
    "Reserve": (*_PAYMENT, R.InstrumentExpired, R.PaymentInstrumentNotCC),
    "Settle": (
        *_BOOKS,
        *_ORIGINAL,
        R.AmountOutOfRange,
        R.InsufficientBalance,
        R.InvalidTransactionState,
        R.PaymentMethodNotDefined,
        R.SettleAmountGreaterThanReserveAmount,
    ),
    "Cancel": (R.ConcurrentModification, R.InvalidTransactionId, R.InvalidTransactionState),
    "Refund": _REFUND,
    "FundPrepaid": (
        *_REAL_MONEY,
        R.InstrumentAccessDenied,
        R.InstrumentExpired,
        R.PrepaidFundingLimitExceeded,
    ),
    "SettleDebt": (*_REAL_MONEY, R.InstrumentAccessDenied, R.InstrumentExpired, R.SettleAmountGreaterThanDebt),
    "WriteOffDebt": (
        *_BOOKS,
        R.AmountOutOfRange,
        R.DuplicateRequest,
        R.InstrumentAccessDenied,
        R.SettleAmountGreaterThanDebt,
    ),
    "GetPrepaidBalance": (R.InstrumentAccessDenied,),
    "GetDebtBalance": (R.InstrumentAccessDenied,),
    "GetTotalPrepaidLiability": (),
    "GetOutstandingDebtBalance": (),
    "GetAccountBalance": (),
    "GetTransaction": (R.InvalidTransactionId,),
    "GetTransactionStatus": (R.InvalidTransactionId,),
    "GetAccountActivity": (R.InvalidDateRange,),
    "GetTokenByCaller": (R.InvalidCallerReference, R.InvalidTokenId),
    "GetTokens": (),
    "GetTokenUsage": (*_TOKEN, R.InvalidTokenType),
    "CancelToken": (*_TOKEN, R.ConcurrentModification, R.TokenNotActive),
    "InstallPaymentInstruction": (
        R.BadRule,
        R.CannotSpecifyUsageForSingleUseToken,
        R.ConcurrentModification,
        R.DuplicateRequest,
        R.InvalidAccountState,
        R.InvalidPaymentMethod,
        R.InvalidUsageDuration,
        R.InvalidUsageLimitCount,
        R.InvalidUsageType,
        R.PaymentInstrumentMissing,
        R.UsageNotDefined,
    ),
    "GetPaymentInstruction": _TOKEN,
    "GetRecipientVerificationStatus": (
        R.InvalidAccountState_Recipient,
        R.InvalidTokenId_Recipient,
        R.TokenNotActive_Recipient,
    ),
    "VerifySignature": (),
    "GetSubscriptionDetails": (),
    "GetTransactionsForSubscription": (),
    "CancelSubscriptionAndRefund": (
        *(refusal for refusal in _REFUND if refusal is not R.SenderNotOriginalRecipient),
        R.InvalidSubscriptionState,
    ),
}
