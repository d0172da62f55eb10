"""The service's own signing key, by which receivers know that return URLs and notifications are genuine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.messages.signed_messages import CERTIFICATE_FILE, CERTIFICATES_PATH
from tallystick.services.operations import audit
from tallystick.store.keys import signing_keys
from tallystick.store.keys.signing_keys import SigningKey

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["SigningKey", "certificate_url", "rotate"]


async def rotate(service: Service, actor: Actor) -> SigningKey:
    """Make a new key, which signs from now on; the old one signs no more, its certificate stays served."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        key = await signing_keys.rotate(connection, service.vault, now)
        await audit.record(connection, actor, "operator.signing_key", key.name, at=now)
    return key


def certificate_url(service: Service, key: SigningKey) -> str:
    """Where receivers find the certificate of a key."""
    return f"{service.settings.public_url}{CERTIFICATES_PATH}{key.name}{CERTIFICATE_FILE}"
