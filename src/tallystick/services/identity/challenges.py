"""Challenges for passkeys, and tickets of forms: made without keeping anything, answered once.

A page that offers a passkey carries a challenge that this service signed, with what it is for and until when; so a
visitor who only looks leaves no row behind. Answering one writes its digest down: nobody answers it again.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.store.accounts import passkeys

if TYPE_CHECKING:
    from tallystick.services.context import Service

LIFE: Final = timedelta(minutes=30)
"""A page may be open for a while before somebody signs in on it."""

_NONCE_BYTES: Final = 16
_END_BYTES: Final = 8


def make(service: Service, purpose: str) -> bytes:
    """A fresh challenge. `purpose` says for what, and for whom where that is known."""
    end = int((service.clock() + LIFE).timestamp())
    content = secrets.token_bytes(_NONCE_BYTES) + end.to_bytes(_END_BYTES, "big")
    return content + _seal(service, content, purpose)


async def spend(service: Service, challenge: bytes, purpose: str) -> bool:
    """Whether the challenge is one of ours for this purpose, in time, and answered for the first time."""
    if not is_alive(service, challenge, purpose):
        return False
    return await passkeys.spend_challenge(service.pool, sha256(challenge).digest(), _end(challenge))


def is_alive(service: Service, challenge: bytes, purpose: str) -> bool:
    """Whether the challenge is one of ours for this purpose, and in time."""
    content, seal = challenge[: _NONCE_BYTES + _END_BYTES], challenge[_NONCE_BYTES + _END_BYTES :]
    return hmac.compare_digest(seal, _seal(service, content, purpose)) and _end(challenge) > service.clock()


def write(challenge: bytes) -> str:
    """A challenge as text, for a form."""
    return urlsafe_b64encode(challenge).decode()


def read(text: str) -> bytes:
    """What `write` wrote; nothing where it is something else."""
    try:
        return urlsafe_b64decode(text)
    except ValueError:
        return b""


def _end(challenge: bytes) -> datetime:
    """When one of our challenges ends."""
    return datetime.fromtimestamp(int.from_bytes(challenge[_NONCE_BYTES : _NONCE_BYTES + _END_BYTES], "big"), UTC)


def _seal(service: Service, content: bytes, purpose: str) -> bytes:
    return service.vault.digest(content.hex(), f"challenge: {purpose}")
