"""The hosts to which a seller's buyers return: asked for, proved, given back, and who else may lead buyers there.

A return URL's signature says that the service sent the buyer, not for whom. So a seller can claim its hosts, and links
and buttons of others that lead there are refused. Every change and its row in the audit log are one commit.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import PartyId
from tallystick.domain.messages.addresses import host_of, read_host
from tallystick.notify.host_proof import HostProver, NotProvedError
from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.store.accounts import parties, return_hosts
from tallystick.store.accounts.return_hosts import HostTakenError, ReturnHost

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.return_hosts import Proof

__all__ = [
    "MAX_HOSTS",
    "HostProver",
    "HostTakenError",
    "NotProvedError",
    "ReturnHost",
    "UnknownHostError",
    "allow",
    "ask",
    "claim_unproved",
    "disallow",
    "of_seller",
    "proof_address",
    "prove",
    "release",
]

MAX_HOSTS: Final = 50
MAX_GUESTS: Final = 50


class UnknownHostError(LookupError):
    """The seller has no such host."""


async def of_seller(service: Service, seller_id: PartyId) -> list[ReturnHost]:
    """All hosts that a seller claimed or asked for, by name."""
    return await return_hosts.of_seller(service.pool, seller_id)


def proof_address(service: Service, host: str) -> str:
    """Where a host has to show its token."""
    return HostProver(service.settings).address(host)


async def ask(
    service: Service, actor: Actor, seller_id: PartyId, text: str, *, environment: str | None = None
) -> ReturnHost:
    """Begin to claim a host: gives the token that it has to show. Nobody is kept away before it does.

    `environment`: of the page on which it was done, for the audit log; claims count in both. Raises FormError.
    """
    host = await _read(service, seller_id, text)
    async with service.pool.acquire() as connection, connection.transaction():
        return await _asked(service, connection, actor, seller_id, host, environment)


async def prove(
    service: Service,
    actor: Actor,
    seller_id: PartyId,
    host: str,
    prover: HostProver | None = None,
    *,
    environment: str | None = None,
) -> ReturnHost:
    """Claim a host that was asked for, if it shows the token now.

    `prover`: who looks; None: as the settings say. Raises UnknownHostError, NotProvedError, HostTakenError.
    """
    asked = await _find(service, seller_id, host)
    if asked.claimed:
        return asked
    await (prover or HostProver(service.settings)).check(host, asked.token)
    async with service.pool.acquire() as connection, connection.transaction():
        await _claimed(service, connection, actor, seller_id, host, "file", environment)
    return await _find(service, seller_id, host)


async def claim_unproved(service: Service, actor: Actor, seller_id: PartyId, text: str) -> ReturnHost:
    """Give a seller a host on the operator's word. Raises FormError, HostTakenError."""
    host = await _read(service, seller_id, text)
    async with service.pool.acquire() as connection, connection.transaction():
        asked = await _asked(service, connection, actor, seller_id, host, None)
        if not asked.claimed:
            await _claimed(service, connection, actor, seller_id, host, "operator", None)
    return await _find(service, seller_id, host)


async def release(
    service: Service, actor: Actor, seller_id: PartyId, host: str, *, environment: str | None = None
) -> None:
    """Give a host back, or stop asking for it: everybody's links may lead there again. Raises UnknownHostError."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await return_hosts.release(connection, seller_id, host):
            raise UnknownHostError(host)
        await audit.record(
            connection, actor, "host.release", host, business_id=seller_id, environment=environment, at=now
        )


async def allow(
    service: Service, actor: Actor, seller_id: PartyId, host: str, guest: str, *, environment: str | None = None
) -> PartyId:
    """Let the links of another seller, named by its account's number, lead to a host, too.

    Raises UnknownHostError; FormError with the field ``guest``.
    """
    known = await _find(service, seller_id, host)
    guest_id = await _guest(service, seller_id, guest)
    if len(known.guests) >= MAX_GUESTS:
        raise FormError({"guest": f"A host has at most {MAX_GUESTS} other sellers."})
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if await return_hosts.allow(connection, seller_id, host, guest_id, now):
            await _record_guest(connection, actor, "host.allow", known, guest_id, environment, service)
    return guest_id


async def disallow(
    service: Service, actor: Actor, seller_id: PartyId, host: str, guest_id: PartyId, *, environment: str | None = None
) -> None:
    """Let the links of another seller lead there no more. Raises UnknownHostError."""
    known = await _find(service, seller_id, host)
    async with service.pool.acquire() as connection, connection.transaction():
        if not await return_hosts.disallow(connection, seller_id, host, guest_id):
            raise UnknownHostError(host)
        await _record_guest(connection, actor, "host.disallow", known, guest_id, environment, service)


async def _read(service: Service, seller_id: PartyId, text: str) -> str:
    """The host that was typed. Raises FormError with the field ``host``."""
    host = read_host(text)
    if host is None:
        raise FormError({"host": "Type a host alone, such as shop.example: no https://, no port, no path."})
    if host == host_of(service.settings.public_url):
        raise FormError({"host": "This is the service's own host."})
    own = await of_seller(service, seller_id)
    if len(own) >= MAX_HOSTS and host not in {one.host for one in own}:
        raise FormError({"host": f"A seller has at most {MAX_HOSTS} hosts. Give one back first."})
    return host


async def _asked(
    service: Service, connection: Connection, actor: Actor, seller_id: PartyId, host: str, environment: str | None
) -> ReturnHost:
    token, now = f"tallystick-return-host={seller_id}-{secrets.token_hex(16)}", service.clock()
    if await return_hosts.ask(connection, seller_id, host, token, now):
        await audit.record(connection, actor, "host.ask", host, business_id=seller_id, environment=environment, at=now)
    found = await return_hosts.find(connection, seller_id, host)
    if found is None:
        raise UnknownHostError(host)
    return found


async def _claimed(
    service: Service,
    connection: Connection,
    actor: Actor,
    seller_id: PartyId,
    host: str,
    by: Proof,
    environment: str | None,
) -> None:
    now = service.clock()
    if await return_hosts.claim(connection, seller_id, host, by, now):
        await audit.record(
            connection,
            actor,
            "host.claim",
            host,
            business_id=seller_id,
            environment=environment,
            details={"proved_by": by},
            at=now,
        )


async def _find(service: Service, seller_id: PartyId, host: str) -> ReturnHost:
    found = await return_hosts.find(service.pool, seller_id, host)
    if found is None:
        raise UnknownHostError(host)
    return found


async def _guest(service: Service, seller_id: PartyId, text: str) -> PartyId:
    number = text.strip()
    guest = None
    if number.isdecimal() and number.isascii() and len(number) <= 18:  # noqa: PLR2004 - what the database can have
        guest = await parties.find(service.pool, PartyId(int(number)))
    if guest is None or guest.kind != "business" or guest.party_id == seller_id:
        raise FormError({"guest": "Type the account number of another seller: its staff see it in their console."})
    return guest.party_id


async def _record_guest(
    connection: Connection,
    actor: Actor,
    action: str,
    known: ReturnHost,
    guest_id: PartyId,
    environment: str | None,
    service: Service,
) -> None:
    await audit.record(
        connection,
        actor,
        action,
        known.host,
        business_id=known.party_id,
        environment=environment,
        details={"seller": guest_id},
        at=service.clock(),
    )
