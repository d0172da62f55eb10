"""Certificates with which sellers' programs sign SOAP requests: whose they are, registration and revocation.

A certificate is trusted because it was registered here, not because of who issued it: it may be self-signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId
from tallystick.store.keys.callers import Caller

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("certificates.sql", __package__)

MIN_KEY_BITS: Final = 2048


class CertificateError(ValueError):
    """The certificate cannot be used for signing requests; the message says why."""


class CertificateTakenError(Exception):
    """The certificate was registered before; one that was revoked stays revoked."""


class UnknownCertificateError(LookupError):
    """The account has no such certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedCaller(Caller):
    """The owner of a usable certificate."""

    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """A certificate as lists show it. The fingerprint is the SHA-256 of the certificate in DER, as hexadecimal."""

    fingerprint: str
    party_id: PartyId
    environment: str
    subject: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def usable(self, now: datetime) -> bool:
        """Whether a request signed with this certificate is accepted at `now`."""
        return self.revoked_at is None and now < self.expires_at


def fingerprint_of(certificate: x509.Certificate) -> str:
    """The name of a certificate here: the SHA-256 of its DER form, as hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def read_certificate(pem: bytes, now: datetime) -> x509.Certificate:
    """The one certificate in a PEM file, fit for signing requests from `now` on. Raises CertificateError."""
    try:
        found = x509.load_pem_x509_certificates(pem)
        key = found[0].public_key()
    except ValueError:
        raise CertificateError("there is no certificate in PEM form in it") from None
    if len(found) != 1:
        raise CertificateError("there is more than one certificate in it: which one signs?")
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise CertificateError(f"its key must be an RSA key of at least {MIN_KEY_BITS} bits")
    if found[0].not_valid_after_utc <= now:
        raise CertificateError(f"it has expired on {found[0].not_valid_after_utc:%Y-%m-%d %H:%M}")
    return found[0]


async def register(
    database: Database, party_id: PartyId, environment: str, certificate: x509.Certificate, now: datetime
) -> CertificateEntry:
    """Let the owner of this certificate's key sign for the party. Raises CertificateTakenError."""
    row = await database.fetchrow(
        _SQL["register"],
        fingerprint_of(certificate),
        party_id,
        environment,
        certificate.public_bytes(Encoding.DER),
        now,
        certificate.not_valid_after_utc,
    )
    if row is None:
        raise CertificateTakenError(fingerprint_of(certificate))
    return _entry(row)


async def find(database: Database, fingerprint: str, now: datetime) -> CertifiedCaller | None:
    """Whose certificate this is; None when it is unknown, revoked or expired."""
    row = await database.fetchrow(_SQL["find"], fingerprint, now)
    if row is None:
        return None
    return CertifiedCaller(
        party_id=PartyId(row["party_id"]),
        environment=row["environment"],
        party_status=row["status"],
        book_id=None if row["book_id"] is None else BookId(row["book_id"]),
        parts=tuple(row["parts"]),
        clock_offset=timedelta(seconds=row["clock_offset_seconds"]),
        certificate=x509.load_der_x509_certificate(row["certificate_der"]),
    )


async def list_(database: Database, party_id: PartyId) -> list[CertificateEntry]:
    """All certificates that the party ever had, oldest first."""
    rows = await database.fetch(_SQL["list"], party_id)
    return [_entry(row) for row in rows]


async def revoke(database: Database, party_id: PartyId, fingerprint: str, now: datetime) -> CertificateEntry:
    """Make a certificate unusable at once and for ever. Raises UnknownCertificateError; twice changes nothing."""
    row = await database.fetchrow(_SQL["revoke"], party_id, fingerprint, now)
    if row is None:
        raise UnknownCertificateError(fingerprint)
    return _entry(row)


def _entry(row: asyncpg.Record) -> CertificateEntry:
    certificate = x509.load_der_x509_certificate(row["certificate_der"])
    return CertificateEntry(
        fingerprint=row["fingerprint"],
        party_id=PartyId(row["party_id"]),
        environment=row["environment"],
        subject=certificate.subject.rfc4514_string(),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
