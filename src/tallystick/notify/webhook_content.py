"""What an endpoint gets: the event as JSON, and its signature. Source: Standard Webhooks, standardwebhooks.com, 1.0."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from tallystick.domain.moments import precise_moment
from tallystick.store.events.events import StoredEvent

TEST: Final = "webhook.test"
"""The type of what is sent to try an endpoint: no event, and without a number."""

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
_VERSION: Final = "v1"


def secret_text(secret: bytes) -> str:
    """A secret as its owner sees it, and as libraries for Standard Webhooks take it."""
    return _SECRET_PREFIX + b64encode(secret).decode()


def event_id(event: StoredEvent) -> str:
    """What an event is called: by its book and its number, the same in every delivery."""
    return event_id_of(event.book_id, event.sequence)


def event_id_of(book_id: int, sequence: int) -> str:
    """The same of an event that is not at hand."""
    return f"evt_{book_id:x}_{sequence}"


def event_object(event: StoredEvent) -> Mapping[str, Any]:
    """An event as programs read it, and as it is delivered."""
    return {
        "object": "event",
        "id": event_id(event),
        "sequence": event.sequence,
        "type": event.type,
        "occurred_at": precise_moment(event.occurred_at),
        "data": msgspec.Raw(event.data.encode()),
    }


def test_object(test_id: str, now: datetime) -> Mapping[str, Any]:
    """What is sent to try an endpoint."""
    told = {"object": "event", "id": test_id, "sequence": None, "type": TEST, "occurred_at": precise_moment(now)}
    return told | {"data": {}}


def body_of(content: Mapping[str, Any]) -> bytes:
    """The bytes that are sent: for one event always the same."""
    return msgspec.json.encode(content)


def signed_headers(message_id: str, now: datetime, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The headers that prove a body, one signature by each secret. `now`: of this attempt, for who refuses old ones."""
    moment = str(int(now.timestamp()))
    signed = b"%s.%s.%s" % (message_id.encode(), moment.encode(), body)
    signatures = (b64encode(hmac.digest(secret, signed, sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"{_VERSION},{signature}" for signature in signatures),
    }
