"""Events that Stripe sends: who sent them, and which object they are about. What it has become is asked for.

Source: https://docs.stripe.com/webhooks and https://docs.stripe.com/api/events/types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import stripe

from tallystick.processors.rail import HintKind, RailEventRefusedError, RailHint
from tallystick.processors.stripe.objects import KEY, noted, token_of

TOLERANCE_SECONDS: Final = 300
"""How old an event may be: one that somebody recorded cannot be sent again later."""

_SIGNATURE: Final = "stripe-signature"
_UPDATED_METHODS: Final = frozenset({"payment_method.automatically_updated", "payment_method.updated"})


def read_event(headers: Mapping[str, str], body: bytes, secret: str | None) -> RailHint:
    """What an event is about. Raises RailEventRefusedError."""
    if secret is None:
        raise RailEventRefusedError("no secret is set for Stripe's events")
    try:
        event = stripe.Webhook.construct_event(body, headers.get(_SIGNATURE), secret, TOLERANCE_SECONDS)
        return _hint(event.id, event.type, event.data.object)
    except stripe.SignatureVerificationError as error:
        raise RailEventRefusedError(error.user_message or "the signature is wrong") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RailEventRefusedError("this is no event of Stripe's") from error


def _hint(event_id: str, event_type: str, about: Mapping[str, Any]) -> RailHint:
    kind, reference = HintKind.OTHER, str(about["id"]) if "id" in about else ""
    match about["object"]:
        case "payment_intent":
            kind = HintKind.ORDER
        case "charge" if about["payment_intent"] is not None:
            kind, reference = HintKind.ORDER, _id(about["payment_intent"])
        case "refund":
            kind = HintKind.REFUND
        case "checkout.session":
            kind = HintKind.SETUP
        case "payment_method" if event_type in _UPDATED_METHODS and about["customer"] is not None:
            kind, reference = HintKind.METHOD, token_of(_id(about["customer"]), reference)
        case "dispute":
            kind = HintKind.DISPUTE
        case "payout":
            kind = HintKind.PAYOUT
        case _:
            pass
    key = noted(about["metadata"], KEY) if "metadata" in about else None
    return RailHint(event_id, kind, reference, key)


def _id(value: object) -> str:
    """The id of an object that may be shown in full."""
    return value if isinstance(value, str) else str(value["id"])  # type: ignore[index]
