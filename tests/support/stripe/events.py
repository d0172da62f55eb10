"""Events in the shape in which Stripe sends them, signed as Stripe signs them.

Source: https://docs.stripe.com/webhooks#verify-manually and https://docs.stripe.com/api/events/object.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field

from tests.support.stripe.forms import Json

WEBHOOK_SECRET = "whsec_of_the_tests"


@dataclass(frozen=True)
class SentEvent:
    """One delivery: the body, and the headers it comes with."""

    event_id: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def event(kind: str, about: Json, *, event_id: str | None = None, sent_at: int | None = None) -> SentEvent:
    """An event about an object, such as `refund.failed`; `sent_at` in seconds since 1970, None: now."""
    identity = event_id or f"evt_{secrets.token_hex(12)}"
    moment = int(time.time()) if sent_at is None else sent_at
    body = json.dumps(
        {
            "id": identity,
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": moment,
            "data": {"object": about},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
    ).encode()
    return SentEvent(identity, body, {"stripe-signature": signature(body, moment)})


def signature(body: bytes, moment: int, secret: str = WEBHOOK_SECRET) -> str:
    """The header Stripe-Signature of a body."""
    signed = hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"
