"""Webhooks: whether one is genuine, and what it tells. Source: Standard Webhooks, standardwebhooks.com, 1.0."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from tallystick_client.errors import InvalidWebhookError

TOLERANCE_SECONDS: Final = 300
"""How old a webhook may be, and how far ahead the sender's clock: older ones may be a thief's second sending."""

_PREFIX: Final = "whsec_"
_VERSION: Final = "v1"
_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


class WebhookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. `sequence`: its number among the seller's events, without gaps; None: the endpoint is tried.

    `data`: the object, as /v1 has it.

    The same event may come twice, with the same `id`: do its work once.
    """

    id: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]
    sequence: int | None = None


class Webhook:
    """Verifies what an endpoint gets. `secrets`: of the endpoint, ``whsec_…``; several while one follows another.

    `clock`: seconds since 1970, for tests.
    """

    def __init__(self, *secrets: str, clock: Callable[[], float] = time.time) -> None:
        if not secrets:
            raise ValueError("a webhook needs the secret of its endpoint")
        self._secrets = [_decoded(secret) for secret in secrets]
        self._clock = clock

    def verify(self, body: bytes | str, headers: Mapping[str, str]) -> WebhookEvent:
        """The event of a webhook. `body`: as it came, byte for byte. `headers`: in whatever case.

        Raises InvalidWebhookError: it is not genuine, or older than five minutes.
        """
        content = self.verified(body, headers)
        try:
            return msgspec.json.decode(content, type=WebhookEvent)
        except msgspec.DecodeError as error:
            raise InvalidWebhookError(f"the body is no event: {error}") from None

    def verified(self, body: bytes | str, headers: Mapping[str, str]) -> bytes:
        """The body, once it is proven. Raises InvalidWebhookError."""
        content = body.encode() if isinstance(body, str) else body
        lower = {name.lower(): value for name, value in headers.items()}
        missing = [name for name in _HEADERS if not lower.get(name)]
        if missing:
            raise InvalidWebhookError(f"the header {missing[0]} is missing")
        message_id, moment, signatures = (lower[name] for name in _HEADERS)
        if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):  # noqa: PLR2004 - 30,000 years
            raise InvalidWebhookError("webhook-timestamp is no number of seconds")
        if abs(self._clock() - int(moment)) > TOLERANCE_SECONDS:
            raise InvalidWebhookError("the webhook is older than five minutes, or a clock is wrong")
        signed = b"%s.%s.%s" % (message_id.encode(), moment.encode(), content)
        if not _any_matches(self._secrets, signed, signatures):
            raise InvalidWebhookError("no signature matches: another secret, or another body than was sent")
        return content


def _any_matches(secrets: Sequence[bytes], signed: bytes, signatures: str) -> bool:
    given = [_signature_bytes(one) for one in signatures.split()]
    expected = [hmac.digest(secret, signed, hashlib.sha256) for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in expected)


def _signature_bytes(text: str) -> bytes:
    """Of ``v1,`` and Base64; nothing of other versions, which match nothing."""
    version, _, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == _VERSION else b""
    except (binascii.Error, ValueError):
        return b""


def _decoded(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("the secret of an endpoint is whsec_ and Base64")
    return key
