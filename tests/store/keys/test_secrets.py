"""Secrets at rest, and the service's own signing key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from tests.support.master_key import VAULT

from tallystick.db.connections import Pool
from tallystick.domain.messages import signing
from tallystick.store.keys import signing_keys
from tallystick.store.keys.access_keys import UnknownKeyError, revoke, rotate
from tallystick.store.keys.vault import SealBrokenError, Vault

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def test_a_sealed_secret_opens_where_it_belongs_and_nowhere_else() -> None:
    sealed = VAULT.seal(b"secret", "access_key:A")

    assert VAULT.open(sealed, "access_key:A") == b"secret"
    assert b"secret" not in sealed
    assert sealed != VAULT.seal(b"secret", "access_key:A")
    for broken, context in [
        (sealed, "access_key:B"),
        (sealed[:-1], "access_key:A"),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), "access_key:A"),
        (b"\x02" + sealed[1:], "access_key:A"),
        (b"", "access_key:A"),
    ]:
        with pytest.raises(SealBrokenError):
            VAULT.open(broken, context)
    with pytest.raises(SealBrokenError):
        Vault(bytes(32)).open(sealed, "access_key:A")


def test_the_master_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(16))


async def test_unknown_keys_can_be_neither_rotated_nor_revoked(pool: Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(UnknownKeyError):
            await rotate(connection, VAULT, "AKNOBODYS", timedelta(hours=1), NOW)
    with pytest.raises(UnknownKeyError):
        await revoke(pool, "AKNOBODYS", NOW)


async def test_processes_that_start_together_make_one_signing_key(own_pool: Pool) -> None:

    async def current(now: datetime = NOW) -> signing_keys.SigningKey:
        async with own_pool.acquire() as connection:
            return await signing_keys.ensure_current(connection, VAULT, now)

    keys = await asyncio.gather(*(current() for _ in range(4)))

    assert {key.name for key in keys} == {"270301"}
    assert await own_pool.fetchval("SELECT count(*) FROM signing_key") == 1
    served = await signing_keys.certificate(own_pool, "270301")
    assert served == keys[0].certificate_pem
    assert await signing_keys.certificate(own_pool, "270302") is None
    public_key = signing.public_key(keys[0].certificate_pem)
    assert signing.rsa_verifies("text", signing.rsa_signature("text", keys[3].private_key), public_key)
    certificate = x509.load_pem_x509_certificate(keys[0].certificate_pem.encode())
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc

    next_year = await current(NOW + timedelta(days=366))
    assert next_year.name == "280301"
    assert await signing_keys.certificate(own_pool, "270301") == served
