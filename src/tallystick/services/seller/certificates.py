"""Certificates with which a seller's programs sign SOAP requests: register one, revoke it, list them.

Each change and its row in the audit log are one commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.services.operations import audit
from tallystick.store.keys import certificates
from tallystick.store.keys.certificates import (
    CertificateEntry,
    CertificateError,
    CertificateTakenError,
    UnknownCertificateError,
)

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "CertificateEntry",
    "CertificateError",
    "CertificateTakenError",
    "UnknownCertificateError",
    "list_",
    "register",
    "revoke",
]


async def register(
    service: Service, actor: Actor, seller_id: PartyId, environment: str, pem: bytes
) -> CertificateEntry:
    """Let the owner of this certificate's key sign for the seller. `pem`: the certificate alone, in PEM form.

    Raises CertificateError: it cannot be used, the message says why; CertificateTakenError: it was registered before.
    """
    now = service.clock()
    certificate = certificates.read_certificate(pem, now)
    async with service.pool.acquire() as connection, connection.transaction():
        entry = await certificates.register(connection, seller_id, environment, certificate, now)
        await audit.record(
            connection,
            actor,
            "certificate.register",
            entry.fingerprint,
            business_id=seller_id,
            environment=environment,
            details={"subject": entry.subject},
            at=now,
        )
    return entry


async def revoke(service: Service, actor: Actor, seller_id: PartyId, fingerprint: str) -> CertificateEntry:
    """Make a certificate unusable at once and for ever; doing it again changes nothing and writes nothing down.

    `fingerprint`: as openssl prints it, or without colons. Raises UnknownCertificateError: the seller has no such one.
    """
    plain, now = fingerprint.replace(":", "").lower(), service.clock()
    for entry in await certificates.list_(service.pool, seller_id):
        if entry.fingerprint == plain and entry.revoked_at is not None:
            return entry
    async with service.pool.acquire() as connection, connection.transaction():
        revoked = await certificates.revoke(connection, seller_id, plain, now)
        await audit.record(
            connection,
            actor,
            "certificate.revoke",
            plain,
            business_id=seller_id,
            environment=revoked.environment,
            at=now,
        )
    return revoked


async def list_(service: Service, seller_id: PartyId) -> list[CertificateEntry]:
    """All certificates that the seller ever had, oldest first."""
    return await certificates.list_(service.pool, seller_id)
