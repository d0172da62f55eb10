"""A class for each code of a problem. Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick_client.errors import ProblemError


class BadRequestError(ProblemError):
    """The form of the request is wrong. Status 400."""

    http_status = 400


class UnauthorizedError(ProblemError):
    """The secret is wrong. Status 401."""

    http_status = 401


class PaymentRequiredError(ProblemError):
    """Money is lacking, or a limit was hit. Status 402."""

    http_status = 402


class ForbiddenError(ProblemError):
    """The key is not for this. Status 403."""

    http_status = 403


class MissingError(ProblemError):
    """It is not there, or not yours. Status 404."""

    http_status = 404


class BadMethodError(ProblemError):
    """The path does not take this method. Status 405."""

    http_status = 405


class ConflictError(ProblemError):
    """It contradicts what was done before. Status 409."""

    http_status = 409


class GoneError(ProblemError):
    """It is kept no longer. Status 410."""

    http_status = 410


class TooLargeError(ProblemError):
    """The body is too large. Status 413."""

    http_status = 413


class BadMediaTypeError(ProblemError):
    """The body is no JSON. Status 415."""

    http_status = 415


class UnprocessableError(ProblemError):
    """A rule forbids it. Status 422."""

    http_status = 422


class RateLimitError(ProblemError):
    """Too often, or too many requests of this key wait. Status 429."""

    http_status = 429


class ServerFaultError(ProblemError):
    """A fault of the service. Status 500."""

    http_status = 500


class UnavailableError(ProblemError):
    """Not now: try again with the same key. Status 503."""

    http_status = 503


class AccountBarredError(UnprocessableError):
    """The code `account_barred`."""


class AccountClosedError(ForbiddenError):
    """The code `account_closed`."""


class AccountLimitExceededError(PaymentRequiredError):
    """The code `account_limit_exceeded`."""


class AccountNotReachableError(UnavailableError):
    """The code `account_not_reachable`."""


class AccountNotVerifiedError(UnprocessableError):
    """The code `account_not_verified`."""


class AddressNotUsableError(UnprocessableError):
    """The code `address_not_usable`."""


class AgreedByAnotherError(ConflictError):
    """The code `agreed_by_another`."""


class AmountOutOfRangeError(UnprocessableError):
    """The code `amount_out_of_range`."""


class AuthorizationDoesNotAllowThisError(UnprocessableError):
    """The code `authorization_does_not_allow_this`."""


class AuthorizationExpiredError(UnprocessableError):
    """The code `authorization_expired`."""


class AuthorizationLimitExceededError(PaymentRequiredError):
    """The code `authorization_limit_exceeded`."""


class AuthorizationNotActiveError(UnprocessableError):
    """The code `authorization_not_active`."""


class AuthorizationNotForThisError(UnprocessableError):
    """The code `authorization_not_for_this`."""


class AuthorizationNotFoundError(MissingError):
    """The code `authorization_not_found`."""


class AuthorizationUsedUpError(ConflictError):
    """The code `authorization_used_up`."""


class BalanceLimitExceededError(PaymentRequiredError):
    """The code `balance_limit_exceeded`."""


class BodyTooLargeError(TooLargeError):
    """The code `body_too_large`."""


class BuyerBarredError(UnprocessableError):
    """The code `buyer_barred`."""


class BuyerCannotAgreeError(UnprocessableError):
    """The code `buyer_cannot_agree`."""


class BuyerIsRecipientError(UnprocessableError):
    """The code `buyer_is_recipient`."""


class BuyerNotVerifiedError(UnprocessableError):
    """The code `buyer_not_verified`."""


class ClockMovedError(ConflictError):
    """The code `clock_moved`."""


class ClockTooFarAheadError(UnprocessableError):
    """The code `clock_too_far_ahead`."""


class ConcurrentModificationError(UnavailableError):
    """The code `concurrent_modification`."""


class EventNotFoundError(MissingError):
    """The code `event_not_found`."""


class EventsForgottenError(GoneError):
    """The code `events_forgotten`."""


class FaultMetAlreadyError(ConflictError):
    """The code `fault_met_already`."""


class FaultNotHoldingError(ConflictError):
    """The code `fault_not_holding`."""


class IdempotencyConflictError(ConflictError):
    """The code `idempotency_conflict`."""


class IdempotencyKeyRequiredError(BadRequestError):
    """The code `idempotency_key_required`."""


class InsufficientBalanceError(PaymentRequiredError):
    """The code `insufficient_balance`."""


class InternalError(ServerFaultError):
    """The code `internal_error`."""


class InvalidRequestError(BadRequestError):
    """The code `invalid_request`."""


class KeyMissingError(UnauthorizedError):
    """The code `key_missing`."""


class KeyNotForThisError(ForbiddenError):
    """The code `key_not_for_this`."""


class KeyNotFoundError(MissingError):
    """The code `key_not_found`."""


class MethodNotAllowedError(BadMethodError):
    """The code `method_not_allowed`."""


class MissingFieldError(BadRequestError):
    """The code `missing_field`."""


class MoreThanLeftToRefundError(UnprocessableError):
    """The code `more_than_left_to_refund`."""


class MoreThanOwedError(UnprocessableError):
    """The code `more_than_owed`."""


class MoreThanReservedError(UnprocessableError):
    """The code `more_than_reserved`."""


class NotFoundError(MissingError):
    """The code `not_found`."""


class NotRefundableError(UnprocessableError):
    """The code `not_refundable`."""


class PaymentMethodInvalidError(UnprocessableError):
    """The code `payment_method_invalid`."""


class PaymentMethodMissingError(UnprocessableError):
    """The code `payment_method_missing`."""


class PaymentMethodNotActiveError(PaymentRequiredError):
    """The code `payment_method_not_active`."""


class PaymentMethodNotCardError(UnprocessableError):
    """The code `payment_method_not_card`."""


class PayoutNotReadyError(UnprocessableError):
    """The code `payout_not_ready`."""


class RecipientNotVerifiedError(UnprocessableError):
    """The code `recipient_not_verified`."""


class RecipientTakesNoCardsError(UnprocessableError):
    """The code `recipient_takes_no_cards`."""


class ServiceUnavailableError(UnavailableError):
    """The code `service_unavailable`."""


class StatementNotFoundError(MissingError):
    """The code `statement_not_found`."""


class TooManyFaultsError(UnprocessableError):
    """The code `too_many_faults`."""


class TooManyRequestsError(RateLimitError):
    """The code `too_many_requests`."""


class TooManyWebhookEndpointsError(UnprocessableError):
    """The code `too_many_webhook_endpoints`."""


class TransactionDeniedError(UnprocessableError):
    """The code `transaction_denied`."""


class TransactionFailedError(ConflictError):
    """The code `transaction_failed`."""


class TransactionNotCompleteError(ConflictError):
    """The code `transaction_not_complete`."""


class TransactionNotFoundError(MissingError):
    """The code `transaction_not_found`."""


class TransactionNotInThisStateError(ConflictError):
    """The code `transaction_not_in_this_state`."""


class UnknownFieldError(BadRequestError):
    """The code `unknown_field`."""


class UnknownKeyError(UnauthorizedError):
    """The code `unknown_key`."""


class UnknownVersionError(BadRequestError):
    """The code `unknown_version`."""


class UnsupportedMediaTypeError(BadMediaTypeError):
    """The code `unsupported_media_type`."""


class WebhookEndpointDisabledError(ConflictError):
    """The code `webhook_endpoint_disabled`."""


class WebhookEndpointNotFoundError(MissingError):
    """The code `webhook_endpoint_not_found`."""


BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: MissingError,
    405: BadMethodError,
    409: ConflictError,
    410: GoneError,
    413: TooLargeError,
    415: BadMediaTypeError,
    422: UnprocessableError,
    429: RateLimitError,
    500: ServerFaultError,
    503: UnavailableError,
}
BY_CODE: Final[Mapping[str, type[ProblemError]]] = {
    "account_barred": AccountBarredError,
    "account_closed": AccountClosedError,
    "account_limit_exceeded": AccountLimitExceededError,
    "account_not_reachable": AccountNotReachableError,
    "account_not_verified": AccountNotVerifiedError,
    "address_not_usable": AddressNotUsableError,
    "agreed_by_another": AgreedByAnotherError,
    "amount_out_of_range": AmountOutOfRangeError,
    "authorization_does_not_allow_this": AuthorizationDoesNotAllowThisError,
    "authorization_expired": AuthorizationExpiredError,
    "authorization_limit_exceeded": AuthorizationLimitExceededError,
    "authorization_not_active": AuthorizationNotActiveError,
    "authorization_not_for_this": AuthorizationNotForThisError,
    "authorization_not_found": AuthorizationNotFoundError,
    "authorization_used_up": AuthorizationUsedUpError,
    "balance_limit_exceeded": BalanceLimitExceededError,
    "body_too_large": BodyTooLargeError,
    "buyer_barred": BuyerBarredError,
    "buyer_cannot_agree": BuyerCannotAgreeError,
    "buyer_is_recipient": BuyerIsRecipientError,
    "buyer_not_verified": BuyerNotVerifiedError,
    "clock_moved": ClockMovedError,
    "clock_too_far_ahead": ClockTooFarAheadError,
    "concurrent_modification": ConcurrentModificationError,
    "event_not_found": EventNotFoundError,
    "events_forgotten": EventsForgottenError,
    "fault_met_already": FaultMetAlreadyError,
    "fault_not_holding": FaultNotHoldingError,
    "idempotency_conflict": IdempotencyConflictError,
    "idempotency_key_required": IdempotencyKeyRequiredError,
    "insufficient_balance": InsufficientBalanceError,
    "internal_error": InternalError,
    "invalid_request": InvalidRequestError,
    "key_missing": KeyMissingError,
    "key_not_for_this": KeyNotForThisError,
    "key_not_found": KeyNotFoundError,
    "method_not_allowed": MethodNotAllowedError,
    "missing_field": MissingFieldError,
    "more_than_left_to_refund": MoreThanLeftToRefundError,
    "more_than_owed": MoreThanOwedError,
    "more_than_reserved": MoreThanReservedError,
    "not_found": NotFoundError,
    "not_refundable": NotRefundableError,
    "payment_method_invalid": PaymentMethodInvalidError,
    "payment_method_missing": PaymentMethodMissingError,
    "payment_method_not_active": PaymentMethodNotActiveError,
    "payment_method_not_card": PaymentMethodNotCardError,
    "payout_not_ready": PayoutNotReadyError,
    "recipient_not_verified": RecipientNotVerifiedError,
    "recipient_takes_no_cards": RecipientTakesNoCardsError,
    "service_unavailable": ServiceUnavailableError,
    "statement_not_found": StatementNotFoundError,
    "too_many_faults": TooManyFaultsError,
    "too_many_requests": TooManyRequestsError,
    "too_many_webhook_endpoints": TooManyWebhookEndpointsError,
    "transaction_denied": TransactionDeniedError,
    "transaction_failed": TransactionFailedError,
    "transaction_not_complete": TransactionNotCompleteError,
    "transaction_not_found": TransactionNotFoundError,
    "transaction_not_in_this_state": TransactionNotInThisStateError,
    "unknown_field": UnknownFieldError,
    "unknown_key": UnknownKeyError,
    "unknown_version": UnknownVersionError,
    "unsupported_media_type": UnsupportedMediaTypeError,
    "webhook_endpoint_disabled": WebhookEndpointDisabledError,
    "webhook_endpoint_not_found": WebhookEndpointNotFoundError,
}


def problem_class(code: object, status: int) -> type[ProblemError]:
    """The class of a code or, of one that this version does not know, of its status."""
    known = BY_CODE.get(code) if isinstance(code, str) else None
    return known or BY_STATUS.get(status, ProblemError)
