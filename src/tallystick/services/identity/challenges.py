"""Challenges for passkeys: made without keeping anything, answered once.

A page that offers a passkey carries a challenge that this service signed, with what it is for and until when; so a
visitor who only looks leaves no row behind. Answering one writes its digest down: nobody answers it again.
"""

from __future__ import annotations

import hmac
import secrets
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
    content, seal = challenge[: _NONCE_BYTES + _END_BYTES], challenge[_NONCE_BYTES + _END_BYTES :]
    if not hmac.compare_digest(seal, _seal(service, content, purpose)):
        return False
    end = datetime.fromtimestamp(int.from_bytes(content[_NONCE_BYTES:], "big"), UTC)
    if end <= service.clock():
        return False
    return await passkeys.spend_challenge(service.pool, sha256(challenge).digest(), end)


def _seal(service: Service, content: bytes, purpose: str) -> bytes:
    return service.vault.digest(content.hex(), f"challenge: {purpose}")
