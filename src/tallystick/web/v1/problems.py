"""How /v1 says no: problem documents (RFC 9457), made from the one catalogue of refusals.

`CODES` has the stable code and the HTTP status of every refusal; what is faulty before any use case is asked has codes
of its own in `OWN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.web.api.asgi import HttpAnswer

R = Refusal

PROBLEM_TYPE: Final = (b"content-type", b"application/problem+json")
NOT_KEPT: Final = (b"cache-control", b"no-store")
PAGE_OF: Final = "/docs/errors#"
"""Below the public address: the page about a problem, with its code."""

FORM, KEY, MONEY, SCOPE, MISSING, CONFLICT, RULE, LIMIT, FAULT, LATER = 400, 401, 402, 403, 404, 409, 422, 429, 500, 503

OWN: Final[Mapping[str, tuple[int, str]]] = {
    "invalid_request": (FORM, "the request cannot be read, or a field has a wrong value"),
    "unknown_field": (FORM, "the request has a field that this endpoint does not know"),
    "missing_field": (FORM, "the request lacks a field"),
    "idempotency_key_required": (FORM, "the request needs the header Idempotency-Key"),
    "unknown_version": (FORM, "there is no such version of the interface"),
    "event_not_found": (MISSING, "there is no such event, or it is kept no longer"),
    "events_forgotten": (410, "events after the number that was given are kept no longer"),
    "key_not_found": (MISSING, "there is no such key of the account in this environment"),
    "statement_not_found": (MISSING, "there is no such statement of the account"),
    "webhook_endpoint_not_found": (MISSING, "there is no such webhook endpoint of the account"),
    "webhook_endpoint_disabled": (CONFLICT, "nothing is delivered to the endpoint: it has to be enabled first"),
    "too_many_webhook_endpoints": (RULE, "the account has as many webhook endpoints as there may be"),
    "address_not_usable": (RULE, "nothing can be delivered to this address"),
    "not_found": (MISSING, "there is nothing at this path"),
    "method_not_allowed": (405, "the path does not take this method"),
    "body_too_large": (413, "the body is larger than what is read"),
    "clock_too_far_ahead": (RULE, "the sandbox's clock cannot be so far ahead"),
    "clock_moved": (CONFLICT, "the sandbox's clock was moved by somebody else at the same moment"),
    "agreed_by_another": (CONFLICT, "another buyer has agreed to it already"),
    "buyer_cannot_agree": (RULE, "the hosted pages would not let this buyer agree"),
    "fault_met_already": (CONFLICT, "the fault has met something, and cannot be taken back"),
    "fault_not_holding": (CONFLICT, "the fault holds nothing that could be let go"),
    "too_many_faults": (RULE, "as many faults wait as may"),
    "payout_not_ready": (RULE, "nothing can be paid out yet: there is no bank account that can be used"),
    "unsupported_media_type": (415, "the body is not application/json"),
}
"""Codes of what is wrong with a request as such: HTTP status, meaning."""

CODES: Final[Mapping[Refusal, tuple[int, str]]] = {
    R.AccessFailure: (LATER, "account_not_reachable"),
    R.AccountClosed: (SCOPE, "account_closed"),
    R.AccountLimitsExceeded: (MONEY, "account_limit_exceeded"),
    R.AmountOutOfRange: (RULE, "amount_out_of_range"),
    R.AuthFailure: (SCOPE, "key_not_for_this"),
    R.BadRule: (RULE, "bad_rule"),
    R.CannotSpecifyUsageForSingleUseToken: (RULE, "bad_rule"),
    R.ConcurrentModification: (LATER, "concurrent_modification"),
    R.DuplicateRequest: (CONFLICT, "idempotency_conflict"),
    R.IncompatibleTokens: (RULE, "authorization_does_not_allow_this"),
    R.InactiveInstrument: (MONEY, "payment_method_not_active"),
    R.InstrumentAccessDenied: (MISSING, "authorization_not_found"),
    R.InstrumentExpired: (RULE, "authorization_expired"),
    R.InsufficientBalance: (MONEY, "insufficient_balance"),
    R.InternalError: (FAULT, "internal_error"),
    R.InvalidAccountState: (RULE, "account_barred"),
    R.InvalidAccountState_Caller: (RULE, "account_barred"),
    R.InvalidAccountState_Recipient: (RULE, "recipient_barred"),
    R.InvalidAccountState_Sender: (RULE, "buyer_barred"),
    R.InvalidAction: (MISSING, "not_found"),
    R.InvalidCallerReference: (MISSING, "authorization_not_found"),
    R.InvalidClientTokenId: (KEY, "unknown_key"),
    R.InvalidDateRange: (FORM, "invalid_request"),
    R.InvalidParameterValue: (FORM, "invalid_request"),
    R.InvalidParams: (FORM, "invalid_request"),
    R.InvalidPaymentInstrument: (MONEY, "payment_method_invalid"),
    R.InvalidPaymentMethod: (RULE, "payment_method_invalid"),
    R.InvalidRecipientForCCTransaction: (RULE, "recipient_takes_no_cards"),
    R.InvalidRequest: (FORM, "invalid_request"),
    R.InvalidSenderRoleForAccountType: (RULE, "authorization_not_for_this"),
    R.InvalidSignature: (KEY, "unknown_key"),
    R.InvalidSubscriptionState: (CONFLICT, "subscription_over"),
    R.InvalidTokenId: (MISSING, "authorization_not_found"),
    R.InvalidTokenId_Caller: (MISSING, "authorization_not_found"),
    R.InvalidTokenId_Recipient: (MISSING, "recipient_not_found"),
    R.InvalidTokenId_Sender: (MISSING, "authorization_not_found"),
    R.InvalidTokenType: (RULE, "authorization_not_for_this"),
    R.InvalidTransactionId: (MISSING, "transaction_not_found"),
    R.InvalidTransactionState: (CONFLICT, "transaction_not_in_this_state"),
    R.InvalidUsageDuration: (RULE, "bad_rule"),
    R.InvalidUsageLimitCount: (RULE, "bad_rule"),
    R.InvalidUsageType: (RULE, "bad_rule"),
    R.MalformedQueryString: (FORM, "invalid_request"),
    R.MissingAuthenticationToken: (KEY, "key_missing"),
    R.MissingClientTokenId: (KEY, "key_missing"),
    R.MissingParameter: (FORM, "missing_field"),
    R.NoSuchVersion: (FORM, "unknown_version"),
    R.NotMarketplaceApp: (RULE, "not_a_marketplace"),
    R.OriginalTransactionFailed: (CONFLICT, "transaction_failed"),
    R.OriginalTransactionIncomplete: (CONFLICT, "transaction_not_complete"),
    R.PaymentInstrumentMissing: (RULE, "bad_rule"),
    R.PaymentInstrumentNotCC: (RULE, "payment_method_not_card"),
    R.PaymentMethodNotDefined: (RULE, "payment_method_missing"),
    R.PrepaidFundingLimitExceeded: (MONEY, "balance_limit_exceeded"),
    R.RefundAmountExceeded: (RULE, "more_than_left_to_refund"),
    R.RequestExpired: (FORM, "invalid_request"),
    R.SameSenderAndRecipient: (RULE, "buyer_is_recipient"),
    R.SameTokenIdUsedMultipleTimes: (CONFLICT, "authorization_used_up"),
    R.SenderNotOriginalRecipient: (RULE, "not_refundable"),
    R.ServiceUnavailable: (LATER, "service_unavailable"),
    R.SettleAmountGreaterThanDebt: (RULE, "more_than_owed"),
    R.SettleAmountGreaterThanReserveAmount: (RULE, "more_than_reserved"),
    R.SignatureDoesNotMatch: (KEY, "unknown_key"),
    R.Throttling: (LIMIT, "too_many_requests"),
    R.TokenAccessDenied: (MISSING, "authorization_not_found"),
    R.TokenNotActive: (RULE, "authorization_not_active"),
    R.TokenNotActive_Caller: (RULE, "authorization_not_active"),
    R.TokenNotActive_Recipient: (RULE, "recipient_not_active"),
    R.TokenNotActive_Sender: (RULE, "authorization_not_active"),
    R.TokenUsageError: (MONEY, "authorization_limit_exceeded"),
    R.TransactionDenied: (RULE, "transaction_denied"),
    R.TransactionFullyRefundedAlready: (RULE, "more_than_left_to_refund"),
    R.TransactionTypeNotRefundable: (RULE, "not_refundable"),
    R.UnverifiedAccount_Recipient: (RULE, "recipient_not_verified"),
    R.UnverifiedAccount_Sender: (RULE, "buyer_not_verified"),
    R.UnverifiedBankAccount: (RULE, "buyer_not_verified"),
    R.UnverifiedEmailAddress_Caller: (RULE, "account_not_verified"),
    R.UnverifiedEmailAddress_Recipient: (RULE, "recipient_not_verified"),
    R.UnverifiedEmailAddress_Sender: (RULE, "buyer_not_verified"),
    R.UsageNotDefined: (RULE, "bad_rule"),
}
"""Status and code of each refusal of the use cases."""

RETRY_SECONDS: Final = 1
"""When to come again where nothing says better: most faults of this kind pass at once."""


class JsonProblemError(Exception):
    """A request is answered with a problem document.

    `more`: members of the document beside the common ones, such as ``field`` and ``largest_amount``.
    """

    def __init__(
        self, code: str, detail: str, *, headers: tuple[tuple[bytes, bytes], ...] = (), **more: str | int | None
    ) -> None:
        super().__init__(code, detail)
        self.code, self.detail, self.headers = code, detail, headers
        self.status, self.title = OWN[code]
        self.refusal = Refusal.InvalidRequest
        self.fps_code: str | None = None
        self.more = more


class RefusedProblemError(JsonProblemError):
    """A refusal of a use case as a problem document."""

    def __init__(self, refused: Refused, **more: str | int | None) -> None:
        refusal = refused.refusal
        Exception.__init__(self, refusal.name, refused.message)
        self.status, self.code = CODES[refusal]
        self.title, self.refusal, self.fps_code = refusal.meaning, refusal, refusal.name
        self.detail = refused.message.replace("CallerReference", "Idempotency-Key")
        self.headers = ()
        self.more = more
        if self.status in {LIMIT, LATER}:
            seconds = refused.seconds if isinstance(refused, ThrottledError) else RETRY_SECONDS
            self.more["retry_after"] = seconds
            self.headers = ((b"retry-after", b"%d" % seconds),)


def document_of(problem: JsonProblemError, docs_at: str, request_id: str | None = None) -> Mapping[str, Any]:
    """The document of a problem; within another one without the id of the request. `docs_at`: the public address."""
    document: dict[str, Any] = {
        "type": f"{docs_at}{PAGE_OF}{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "fps_code": problem.fps_code,
        "request_id": request_id,
        **problem.more,
    }
    return {name: value for name, value in document.items() if value is not None}


def problem_answer(
    problem: JsonProblemError, docs_at: str, request_id: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> HttpAnswer:
    """The answer of a problem. `docs_at`: the public address, without a slash at its end."""
    body = msgspec.json.encode(document_of(problem, docs_at, request_id))
    return HttpAnswer(problem.status, (PROBLEM_TYPE, NOT_KEPT, *problem.headers, *headers), body)
