from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.certificates import key_pair, private_key

from tallystick.db.connections import Pool
from tallystick.domain.ids import PartyId
from tallystick.store.accounts import parties
from tallystick.store.keys import certificates
from tallystick.store.keys.certificates import (
    CertificateError,
    CertificateTakenError,
    UnknownCertificateError,
    fingerprint_of,
    read_certificate,
)

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def seller(pool: Pool) -> PartyId:
    async with pool.acquire() as connection:
        party = await parties.create_business(connection, f"{secrets.token_hex(8)}@shop.example", "Shop", NOW)
    return party.party_id


async def test_a_registered_certificate_names_its_owner_until_it_expires(pool: Pool, seller: PartyId) -> None:
    certificate = key_pair(NOW, days=30).certificate
    entry = await certificates.register(pool, seller, "sandbox", certificate, NOW)

    assert entry.fingerprint == fingerprint_of(certificate)
    assert (entry.subject, entry.expires_at) == ("CN=A shop's program", NOW + timedelta(days=30))
    caller = await certificates.find(pool, entry.fingerprint, NOW + timedelta(days=29))
    assert caller is not None
    assert (caller.party_id, caller.environment, caller.party_status) == (seller, "sandbox", "active")
    assert caller.book_id is not None
    assert caller.certificate == certificate
    assert await certificates.find(pool, entry.fingerprint, NOW + timedelta(days=30)) is None
    assert await certificates.find(pool, "0" * 64, NOW) is None
    assert await certificates.list_(pool, seller) == [entry]


async def test_a_revoked_certificate_is_never_usable_again(pool: Pool, seller: PartyId) -> None:
    certificate = key_pair(NOW).certificate
    entry = await certificates.register(pool, seller, "sandbox", certificate, NOW)
    assert entry.usable(NOW)

    revoked = await certificates.revoke(pool, seller, entry.fingerprint, NOW)
    again = await certificates.revoke(pool, seller, entry.fingerprint, NOW + timedelta(days=1))

    assert revoked.revoked_at == again.revoked_at == NOW
    assert not revoked.usable(NOW)
    assert await certificates.find(pool, entry.fingerprint, NOW) is None
    with pytest.raises(CertificateTakenError):
        await certificates.register(pool, seller, "sandbox", certificate, NOW)


async def test_a_certificate_belongs_to_one_account(pool: Pool, seller: PartyId) -> None:
    async with pool.acquire() as connection:
        other = await parties.create_business(connection, f"{secrets.token_hex(8)}@shop.example", "Other", NOW)
    certificate = key_pair(NOW).certificate
    entry = await certificates.register(pool, seller, "sandbox", certificate, NOW)

    with pytest.raises(CertificateTakenError):
        await certificates.register(pool, other.party_id, "sandbox", certificate, NOW)
    with pytest.raises(UnknownCertificateError):
        await certificates.revoke(pool, other.party_id, entry.fingerprint, NOW)
    assert await certificates.list_(pool, other.party_id) == []


def test_only_certificates_fit_for_signing_are_read() -> None:
    good = key_pair(NOW)
    assert read_certificate(good.certificate_pem, NOW) == good.certificate
    assert read_certificate(good.private_pem + good.certificate_pem, NOW) == good.certificate

    unfit = {
        b"no certificate": "in PEM form",
        good.private_pem: "in PEM form",
        good.certificate_pem * 2: "more than one",
        key_pair(NOW, key=private_key(bits=1024)).certificate_pem: "RSA key of at least 2048 bits",
        key_pair(NOW, key=ec.generate_private_key(ec.SECP256R1())).certificate_pem: "RSA key",
        key_pair(NOW - timedelta(days=30), days=30).certificate_pem: "has expired on 2027-03-01 12:00",
    }
    for pem, reason in unfit.items():
        with pytest.raises(CertificateError, match=reason):
            read_certificate(pem, NOW)
