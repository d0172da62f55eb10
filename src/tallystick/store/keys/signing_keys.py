"""The service's own RSA keys, with which messages on their way out are signed, and their certificates.

A key is named by the date on which it was made (`YYMMDD`, a second one of that day `YYMMDD-2`), which is also the
directory in its certificate's path. It signs for a year, or until somebody rotates it; then a new one takes over. Old
certificates stay served for good, so that what was signed before still verifies, however late it arrives; unless a key
is revoked, since somebody else may have it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Connection, Database
    from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("signing_keys.sql", __package__)

SIGNS_FOR: Final = timedelta(days=365)
CERTIFICATE_LIFE: Final = timedelta(days=3650)
KEY_BITS: Final = 2048
_LOCK: Final = 0x7A11_0001  # one process makes the key, the others wait and find it
_BACKDATED: Final = timedelta(days=1)  # for receivers whose clock is slow


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now."""

    name: str
    certificate_pem: str
    private_key: rsa.RSAPrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it stands. `retired_at`: since when it signs no more; `revoked_at`: since when it never counts."""

    name: str
    certificate_pem: str = field(repr=False)
    created_at: datetime
    retired_at: datetime | None
    revoked_at: datetime | None
    has_private_half: bool

    def signs(self, now: datetime) -> bool:
        """Whether messages can be signed with it now."""
        return self.retired_at is None and self.has_private_half and self.created_at > now - SIGNS_FOR


async def ensure_current(connection: Connection, vault: Vault, now: datetime) -> SigningKey:
    """The key to sign with at `now`; made on first use."""
    row = await _newest(connection, now)
    if row is None:
        async with connection.transaction():
            await connection.execute(_SQL["lock"], _LOCK)
            row = await _newest(connection, now)
            if row is None:
                return await _create(connection, vault, now)
    key = serialization.load_der_private_key(
        vault.open(row["private_key_sealed"], seal_context(row["name"])),
        password=None,
        unsafe_skip_rsa_key_validation=True,  # our own key, authenticated by the vault; validation takes long
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"signing key {row['name']} is not an RSA key")
    return SigningKey(row["name"], row["certificate_pem"], key)


async def rotate(connection: Connection, vault: Vault, now: datetime) -> SigningKey:
    """Make a new key, which signs from now on; the old one signs no more, its certificate stays."""
    async with connection.transaction():
        await connection.execute(_SQL["lock"], _LOCK)
        await connection.execute(_SQL["retire"], now)
        return await _create(connection, vault, now)


async def revoke(connection: Connection, name: str, now: datetime) -> bool:
    """Let nothing count that this key ever signed, and destroy its private half; whether it still counted.

    Where it signed, the next message makes a new key.
    """
    return str(await connection.execute(_SQL["revoke"], name, now)) != "UPDATE 0"


async def destroy_retired(connection: Connection, now: datetime) -> list[str]:
    """Destroy the private halves of keys that sign no more; their names. What they signed stays good."""
    return sorted(row["name"] for row in await connection.fetch(_SQL["destroy"], now - SIGNS_FOR))


async def find(database: Database, name: str) -> KeyRecord | None:
    """A key of any age; None when there never was one of that name."""
    row = await database.fetchrow(_SQL["find"], name)
    return None if row is None else KeyRecord(**row)


async def list_(database: Database) -> list[KeyRecord]:
    """All keys that there ever were, the newest first."""
    return [KeyRecord(**row) for row in await database.fetch(_SQL["list"])]


async def certificate(database: Database, name: str) -> str | None:
    """The certificate of a key of any age, as PEM; None when there never was one of that name, or it was revoked."""
    found = await find(database, name)
    return None if found is None or found.revoked_at is not None else found.certificate_pem


async def is_revoked(database: Database, name: str) -> bool:
    """Whether what this key signed counts no more."""
    found = await find(database, name)
    return found is not None and found.revoked_at is not None


async def _newest(connection: Connection, now: datetime) -> asyncpg.Record | None:
    return await connection.fetchrow(_SQL["newest"], now - SIGNS_FOR)


async def _create(connection: Connection, vault: Vault, now: datetime) -> SigningKey:
    """Under the lock: nobody else takes the same name."""
    day = now.strftime("%y%m%d")
    earlier = await connection.fetchval(_SQL["count_named"], f"^{day}(-[0-9]+)?$")
    name = f"{day}-{earlier + 1}" if earlier else day
    private_key, pem = await asyncio.to_thread(_generate, name, now)
    der = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    await connection.execute(_SQL["create"], name, vault.seal(der, seal_context(name)), pem, now)
    return SigningKey(name, pem, private_key)


def _generate(name: str, now: datetime) -> tuple[rsa.RSAPrivateKey, str]:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tallystick"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Tallystick message signing {name}"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + CERTIFICATE_LIFE)
        .sign(private_key, hashes.SHA256())
    )
    return private_key, certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def seal_context(name: str) -> str:
    """Where a signing key belongs."""
    return f"signing_key:{name}"
