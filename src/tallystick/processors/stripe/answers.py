"""What a state at Stripe means to an order: one function for each operation, without a call.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle and https://docs.stripe.com/refunds#failed-refunds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.declines import AUTHENTICATION_REQUIRED, TRANSACTION_DENIED, declined
from tallystick.processors.rail import RailAnswer, RequiresAction, StillPending, Unknown
from tallystick.processors.stripe.objects import Intent, SeenRefund

IN_PROGRESS: Final = timedelta(seconds=5)
"""When to ask again where another request carries out the same order."""

_PROCESSING: Final = timedelta(minutes=30)
"""When to look again at a bank debit or a refund on its way. They take days; an event tells the end of them sooner."""

_RELEASED: Final = "The amount was not held any more when it was to be taken."
_OPEN: Final = frozenset({"requires_action", "requires_confirmation"})


def answer_to_charge(intent: Intent, operation: RailOperation) -> RailAnswer:
    """What has become of a charge or a hold. Raises StateError: by hand, somebody has made something else of it."""
    reference = intent.intent_id
    match intent.status:
        case "succeeded":
            return Paid(reference, intent.fee_micros)
        case "requires_capture":
            if operation is RailOperation.AUTHORIZE:
                return Paid(reference)
            raise StateError(f"{reference} is only held, although it was to be charged")
        case "processing":
            return StillPending(_PROCESSING, reference)
        case "requires_payment_method" | "requires_action" | "canceled" if needs_authentication(intent):
            return RequiresAction(None, reference)
        case "requires_payment_method" | "canceled":
            return _declined(intent.error_code, reference)
        case _:
            return StillPending(IN_PROGRESS, reference)


def needs_authentication(intent: Intent) -> bool:
    """Whether nothing was taken since the buyer has to confirm first."""
    return intent.status == "requires_action" or intent.error_code == AUTHENTICATION_REQUIRED


def is_open(intent: Intent) -> bool:
    """Whether the intent could still take money later, on somebody's confirmation: it must be closed first."""
    return intent.status in _OPEN or (intent.status == "requires_payment_method" and needs_authentication(intent))


def answer_to_capture(intent: Intent, amount_micros: int | None) -> RailAnswer | Unknown:
    """What has become of a capture; of how much, None where that is not known any more.

    Raises StateError: another amount was captured, by hand.
    """
    match intent.status:
        case "succeeded":
            if amount_micros not in {None, intent.received_micros}:
                raise StateError(
                    f"{intent.intent_id} was captured for {intent.received_micros} micro-units, not {amount_micros}"
                )
            return Paid(intent.intent_id, intent.fee_micros)
        case "canceled":
            return Declined(TRANSACTION_DENIED, _RELEASED, "canceled", reference=intent.intent_id)
        case "requires_payment_method":
            return _declined(intent.error_code, intent.intent_id)
        case "processing":
            return StillPending(_PROCESSING, intent.intent_id)
        case _:
            return Unknown()


def answer_to_void(intent: Intent) -> RailAnswer | Unknown:
    """What has become of giving up a hold. Raises StateError: it was captured, by hand."""
    match intent.status:
        case "canceled" | "requires_payment_method":
            return Paid(intent.intent_id)
        case "succeeded" | "processing":
            raise StateError(f"{intent.intent_id} was captured, although it was to be given up: refund it at Stripe")
        case _:
            return Unknown()


def answer_to_refund(refund: SeenRefund) -> RailAnswer:
    """What has become of a refund."""
    match refund.status:
        case "succeeded":
            return Paid(refund.refund_id, refund.fee_micros)
        case "failed" | "canceled":
            return _declined(refund.failure or "declined", refund.refund_id)
        case _:
            return StillPending(_PROCESSING, refund.refund_id)


def _declined(code: str | None, reference: str) -> Declined:
    return msgspec.structs.replace(declined(code), reference=reference)


class StateError(Exception):
    """An object at Stripe is in a state that no order of ours explains; the message names it, for people."""
