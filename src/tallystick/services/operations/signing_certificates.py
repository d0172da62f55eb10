"""The certificates with which receivers check answers and notifications of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.messages.signed_messages import is_key_name
from tallystick.store.keys import signing_keys

if TYPE_CHECKING:
    from tallystick.services.context import Service


async def find(service: Service, name: str) -> str | None:
    """The certificate of a signing key of any age, as PEM; None when there never was one of that name."""
    return await signing_keys.certificate(service.pool, name) if is_key_name(name) else None
