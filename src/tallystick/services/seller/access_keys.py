"""Access keys of a seller's programs: make one, replace it with an overlap, revoke it, see when it was last used.

Pages and commands call the same functions; each change and its row in the audit log are one commit. Who may not have a
key of some scopes in their hands can neither make nor rotate one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.scopes import scope_names
from tallystick.services.events.keys import key_revoked
from tallystick.services.operations import audit
from tallystick.services.seller.staff import may_make_key, role_of
from tallystick.store.keys import access_keys, key_uses
from tallystick.store.keys.access_keys import (
    ANY_USE,
    AccessKey,
    KeyEntry,
    KeyTerms,
    MadeBeforeError,
    UnknownKeyError,
)

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "ANY_USE",
    "AccessKey",
    "KeyEntry",
    "KeyTerms",
    "KeyUse",
    "MadeBeforeError",
    "NotTheirKeyError",
    "UnknownKeyError",
    "change",
    "create",
    "end_bearer",
    "find",
    "find_entry",
    "list_",
    "make_bearer",
    "read_network",
    "revoke",
    "rotate",
    "with_uses",
]

MAX_NAME: Final = 80
MAX_NETWORKS: Final = 20
_HOUR: Final = timedelta(hours=1)


class NotTheirKeyError(Exception):
    """Whoever asks may not have a key of these scopes: only owners make keys that move real money."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key, and when a call was last signed with it; None: never, or longer ago than is kept."""

    key: KeyEntry
    used_at: datetime | None


def read_network(text: str) -> str:
    """A network as it is kept, from ``10.1.0.0/16`` or one address. Raises ValueError: it is none."""
    return str(ip_network(text.strip()))


async def create(
    service: Service,
    actor: Actor,
    seller_id: PartyId,
    environment: str,
    terms: KeyTerms = ANY_USE,
    form: str = "",
) -> AccessKey:
    """Make a key. This is the only time that its owner sees the secret.

    `form`: what tells the form that asks for it from all others; it makes one key, however often it is sent. Raises
    MadeBeforeError, NotTheirKeyError.
    """
    await _check_may_have(service, actor, seller_id, environment, terms.scopes)
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        key = await access_keys.create(
            connection, service.vault, seller_id, environment, now, form, terms=terms, maker_id=actor.party_id
        )
        await audit.record(
            connection,
            actor,
            "key.create",
            key.access_key_id,
            business_id=seller_id,
            environment=environment,
            details=_told(terms) | {"expires_at": None if key.expires_at is None else key.expires_at.isoformat()},
            at=now,
        )
    return key


async def rotate(
    service: Service, actor: Actor, seller_id: PartyId, access_key_id: str, overlap: timedelta, form: str = ""
) -> AccessKey:
    """Make the successor of a key, for the same; the old one stays usable for `overlap`. `form`: as for `create`.

    Raises MadeBeforeError, NotTheirKeyError, UnknownKeyError: the seller has no such key, or it is no longer usable.
    """
    old, now = await find_entry(service, seller_id, access_key_id), service.clock()
    await _check_may_have(service, actor, seller_id, old.environment, old.scopes)
    async with service.pool.acquire() as connection, connection.transaction():
        key = await access_keys.rotate(
            connection, service.vault, access_key_id, overlap, now, form, maker_id=actor.party_id
        )
        await audit.record(
            connection,
            actor,
            "key.rotate",
            access_key_id,
            business_id=seller_id,
            environment=old.environment,
            details={"successor": key.access_key_id, "overlap_hours": overlap // _HOUR},
            at=now,
        )
    return key


async def change(service: Service, actor: Actor, seller_id: PartyId, access_key_id: str, terms: KeyTerms) -> KeyEntry:
    """Let a key be for something else, from the next call on. Its secret and its end stay as they are.

    Raises NotTheirKeyError: whoever asks could not make such a key, or the one that it was; UnknownKeyError: the seller
    has no such key, or it is no longer usable.
    """
    old, now = await find_entry(service, seller_id, access_key_id), service.clock()
    await _check_may_have(service, actor, seller_id, old.environment, old.scopes | terms.scopes)
    async with service.pool.acquire() as connection, connection.transaction():
        await access_keys.change(connection, access_key_id, terms, now)
        await audit.record(
            connection,
            actor,
            "key.change",
            access_key_id,
            business_id=seller_id,
            environment=old.environment,
            details={"before": _told(old), "now": _told(terms)},
            at=now,
        )
    return await find_entry(service, seller_id, access_key_id)


async def make_bearer(service: Service, actor: Actor, seller_id: PartyId, access_key_id: str) -> str:
    """A new bearer secret for a key, with which programs call the JSON interface; the one before ends at once.

    This is the only time that its owner sees it. Raises NotTheirKeyError, UnknownKeyError.
    """
    entry, now = await find_entry(service, seller_id, access_key_id), service.clock()
    await _check_may_have(service, actor, seller_id, entry.environment, entry.scopes)
    async with service.pool.acquire() as connection, connection.transaction():
        secret = await access_keys.make_bearer(connection, access_key_id, now)
        await audit.record(
            connection,
            actor,
            "key.change",
            access_key_id,
            business_id=seller_id,
            environment=entry.environment,
            details={"bearer": "made"},
            at=now,
        )
    return secret


async def end_bearer(service: Service, actor: Actor, seller_id: PartyId, access_key_id: str) -> None:
    """End the bearer secret of a key at once; what the key signs is accepted as before. Again: nothing changes.

    Raises UnknownKeyError.
    """
    entry = await find_entry(service, seller_id, access_key_id)
    async with service.pool.acquire() as connection, connection.transaction():
        if not await access_keys.end_bearer(connection, access_key_id):
            return
        await audit.record(
            connection,
            actor,
            "key.change",
            access_key_id,
            business_id=seller_id,
            environment=entry.environment,
            details={"bearer": "ended"},
            at=service.clock(),
        )


async def revoke(service: Service, actor: Actor, seller_id: PartyId, access_key_id: str) -> KeyEntry:
    """Make a key unusable at once and for ever; doing it again changes nothing and writes nothing down.

    Raises UnknownKeyError: the seller has no such key.
    """
    old, now = await find_entry(service, seller_id, access_key_id), service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if await access_keys.revoke(connection, access_key_id, now):
            await key_revoked(connection, seller_id, old.environment, access_key_id, now)
            await audit.record(
                connection,
                actor,
                "key.revoke",
                access_key_id,
                business_id=seller_id,
                environment=old.environment,
                at=now,
            )
    return await find_entry(service, seller_id, access_key_id)


async def find(service: Service, access_key_id: str) -> AccessKey | None:
    """A usable key with its secret, for whoever may see it; None when it is unknown, revoked or expired."""
    return await access_keys.find(service.pool, service.vault, access_key_id, service.clock())


async def list_(service: Service, seller_id: PartyId, environment: str | None = None) -> list[KeyEntry]:
    """All keys that the seller ever had, in one environment or in both, oldest first."""
    entries = await access_keys.list_(service.pool, seller_id)
    return [entry for entry in entries if environment is None or entry.environment == environment]


async def with_uses(service: Service, seller_id: PartyId, environment: str | None = None) -> list[KeyUse]:
    """The same, each with its last use."""
    uses = await key_uses.last_uses(service.pool, seller_id)
    return [KeyUse(entry, uses.get(entry.access_key_id)) for entry in await list_(service, seller_id, environment)]


async def _check_may_have(service: Service, actor: Actor, seller_id: PartyId, environment: str, scopes: int) -> None:
    """Commands on the machine make any key. Raises NotTheirKeyError."""
    if actor.party_id is None:
        return
    role = await role_of(service, seller_id, actor.party_id)
    if role is None or not may_make_key(role, environment, scopes):
        raise NotTheirKeyError(seller_id)


def _told(terms: KeyTerms | KeyEntry) -> dict[str, Any]:
    """What the audit log keeps of what a key is for."""
    return {
        "name": terms.name,
        "scopes": scope_names(terms.scopes),
        "networks": [*terms.networks],
        "calls_per_second": terms.calls_per_second,
    }


async def find_entry(service: Service, seller_id: PartyId, access_key_id: str) -> KeyEntry:
    """One key of the seller, usable or not. Raises UnknownKeyError."""
    for entry in await access_keys.list_(service.pool, seller_id):
        if entry.access_key_id == access_key_id:
            return entry
    raise UnknownKeyError(access_key_id)
