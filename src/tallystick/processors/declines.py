"""Why cards and bank accounts are declined, and what that means here: the one table for all rails.

The codes are those of card networks and processors, as `https://docs.stripe.com/declines/codes` lists them. A soft
decline may go well another time. After a hard one the same card or bank account is not worth another try. Which codes
of cards are hard is as in `https://docs.stripe.com/billing/revenue-recovery/smart-retries`: `do_not_honor` and
`fraudulent` are not among them, since banks give them for a single payment. What is suspected is told to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.domain.rails.commands import Declined

TRANSACTION_DENIED: Final = "TransactionDenied"
TEMPORARY_DECLINE: Final = "TemporaryDecline"

NOT_RECEIVED: Final = "not_received"
"""The code of an order that ended because its rail never got it."""

AUTHENTICATION_REQUIRED: Final = "authentication_required"
"""The code of an order that ended because the buyer has to confirm first."""

_BUSY: Final = "A system behind the service was not available; it may be tried again."
_LOST: Final = "The payment network never received the order: nothing was moved."
_DENIED: Final = "The payment was declined, for example for lack of funds."
_FUNDS: Final = "The payment was declined for lack of funds."
_LIMIT: Final = "The payment was declined: a limit of the card or account would be passed."
_EXPIRED: Final = "The payment was declined: the card has expired."
_NUMBER: Final = "The payment was declined: the card or account does not exist, or not any more."
_UNSUPPORTED: Final = "The payment was declined: the card or account does not take this kind of payment."
_REVOKED: Final = "The payment was declined: its holder does not allow such payments any more."
_CONFIRM: Final = "The payment was declined until the buyer has confirmed it with the bank."
_REFUND: Final = "The card or account does not take the money back."


def _soft(*codes: str, reason: str, status_code: str = TRANSACTION_DENIED) -> dict[str, Declined]:
    return {code: Declined(status_code, reason, code) for code in codes}


def _hard(*codes: str, reason: str) -> dict[str, Declined]:
    return {code: Declined(TRANSACTION_DENIED, reason, code, hard=True) for code in codes}


DECLINES: Final[Mapping[str, Declined]] = {
    **_soft(
        "processing_error",
        "try_again_later",
        "issuer_not_available",
        "reenter_transaction",
        "approve_with_id",
        reason=_BUSY,
        status_code=TEMPORARY_DECLINE,
    ),
    **_soft(NOT_RECEIVED, reason=_LOST, status_code=TEMPORARY_DECLINE),
    **_soft("insufficient_funds", reason=_FUNDS),
    **_soft(
        "card_velocity_exceeded",
        "withdrawal_count_limit_exceeded",
        "amount_too_large",
        "amount_too_small",
        reason=_LIMIT,
    ),
    **_soft(
        "generic_decline",
        "card_declined",
        "call_issuer",
        "do_not_honor",
        "duplicate_transaction",
        "fraudulent",
        "merchant_blacklist",
        "no_action_taken",
        "not_permitted",
        "security_violation",
        "service_not_allowed",
        reason=_DENIED,
    ),
    **_soft(AUTHENTICATION_REQUIRED, reason=_CONFIRM),
    **_soft("charge_for_pending_refund_disputed", "lost_or_stolen_card_refund", "declined", reason=_REFUND),
    **_hard("do_not_try_again", "highest_risk_level", reason=_DENIED),
    **_hard("expired_card", "expired_or_canceled_card", reason=_EXPIRED),
    **_hard(
        "account_closed",
        "bank_account_restricted",
        "incorrect_number",
        "invalid_account",
        "invalid_account_number",
        "invalid_number",
        "lost_card",
        "new_account_information_available",
        "no_account",
        "pickup_card",
        "restricted_card",
        "stolen_card",
        reason=_NUMBER,
    ),
    **_hard(
        "card_not_supported",
        "currency_not_supported",
        "testmode_decline",
        "transaction_not_allowed",
        reason=_UNSUPPORTED,
    ),
    **_hard(
        "debit_not_authorized",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stop_payment_order",
        reason=_REVOKED,
    ),
}
"""By code. `TransactionDenied` and `TemporaryDecline` are what the transaction's StatusCode becomes."""


def declined(code: str | None) -> Declined:
    """What a decline with this code comes to; one that is not in the table is a soft one that says no more."""
    known = DECLINES.get(code or "")
    return Declined(TRANSACTION_DENIED, _DENIED, code) if known is None else known
