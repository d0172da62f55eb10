"""The service's own signing key, by which receivers know that return URLs and notifications are genuine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.messages.signed_messages import CERTIFICATE_FILE, CERTIFICATES_PATH
from tallystick.services.operations import audit
from tallystick.store.keys import signing_keys
from tallystick.store.keys.signing_keys import KeyRecord, SigningKey

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["KeyRecord", "SigningKey", "certificate_url", "destroy_retired", "list_", "revoke", "rotate"]


async def rotate(service: Service, actor: Actor) -> SigningKey:
    """Make a new key, which signs from now on; the old one signs no more, its certificate stays served."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        key = await signing_keys.rotate(connection, service.vault, now)
        await audit.record(connection, actor, "operator.signing_key", key.name, at=now)
    return key


async def list_(service: Service) -> list[KeyRecord]:
    """All keys that there ever were, the newest first."""
    return await signing_keys.list_(service.pool)


async def revoke(service: Service, actor: Actor, name: str) -> None:
    """Let nothing count any more that this key signed, and destroy its private half: somebody else may have it.

    Where it signs, the next message makes a new key. Raises LookupError: there is none, or it is revoked already.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await signing_keys.revoke(connection, name, now):
            raise LookupError(name)
        await audit.record(connection, actor, "operator.signing_key_revoke", name, at=now)


async def destroy_retired(service: Service, actor: Actor) -> list[str]:
    """Destroy the private halves of the keys that sign no more; their names. What they signed stays good."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        names = await signing_keys.destroy_retired(connection, now)
        if names:
            await audit.record(
                connection, actor, "operator.signing_key_destroy", details={"keys": ", ".join(names)}, at=now
            )
    return names


def certificate_url(service: Service, key: SigningKey | KeyRecord) -> str:
    """Where receivers find the certificate of a key."""
    return f"{service.settings.public_url}{CERTIFICATES_PATH}{key.name}{CERTIFICATE_FILE}"
