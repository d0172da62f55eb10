"""The certificates with which receivers check answers and notifications of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.messages.signed_messages import is_key_name
from tallystick.store.keys import signing_keys
from tallystick.store.keys.signing_keys import KeyRecord

if TYPE_CHECKING:
    from tallystick.services.context import Service

__all__ = ["KeyRecord", "find"]


async def find(service: Service, name: str) -> KeyRecord | None:
    """A signing key of any age with its certificate; None when there never was one of that name.

    Of a key that was revoked, nobody should be given the certificate.
    """
    return await signing_keys.find(service.pool, name) if is_key_name(name) else None
