"""What is told of the address, the proxy, certificates and the mail server, as others meet them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from tests.support.certificates import KeyPair, private_key

from tallystick.services.checkup.items import CheckItem, ItemStanding
from tallystick.services.checkup.outside import outside_items
from tallystick.settings import Settings

NOW = datetime.now(UTC)
HOST = "127.0.0.1"


def trusted_certificate(days: int) -> KeyPair:
    """One for HOST that stands for itself."""
    key = private_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return KeyPair(key, builder.sign(key, hashes.SHA256()))


@asynccontextmanager
async def answering(*lines: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says these lines, the first at once and each other one after a line that it hears; its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, line in enumerate(lines):
            if number and not await reader.readline():
                break
            writer.write(f"{line}\r\n".encode() if line else b"")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, HOST, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def http(status: int) -> tuple[str, str]:
    return "", f"HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n"


async def found(settings: Settings) -> dict[str, CheckItem]:
    return {item.name: item async for item in outside_items(settings, NOW)}


async def test_a_service_on_this_machine_answers_or_does_not_run() -> None:
    async with answering(*http(200)) as port:
        item = (await found(Settings(port=port)))["proxy"]
    assert (item.standing, item.text) == (ItemStanding.GOOD, f"http://127.0.0.1:{port} answers, directly")
    item = (await found(Settings(port=port)))["proxy"]
    assert (item.standing, item.text.endswith("; does it run?")) == (ItemStanding.FOR_PEOPLE, True)


@pytest.mark.parametrize(("status", "told"), [(421, "pass the header Host on unchanged"), (502, "answers 502")])
async def test_a_proxy_that_changes_the_host_or_finds_nobody_is_told(status: int, told: str) -> None:
    async with answering(*http(status)) as port:
        item = (await found(Settings(port=port, reverse_proxies=1)))["proxy"]
    assert (item.standing, told in item.text) == (ItemStanding.MISSING, True)


async def test_a_service_for_others_needs_https_and_to_know_its_proxies() -> None:
    item = (await found(Settings(public_url="http://pay.example")))["proxy"]
    assert (item.standing, "has no https" in item.text) == (ItemStanding.MISSING, True)
    async with answering() as port:
        items = await found(Settings(public_url=f"https://{HOST}:{port}"))
    assert "TALLYSTICK_REVERSE_PROXIES is not set" in items["proxy"].text
    assert items["certificate"].standing is ItemStanding.MISSING
    assert "shows none that others trust" in items["certificate"].text


@pytest.mark.parametrize(("days", "standing"), [(60, ItemStanding.GOOD), (10, ItemStanding.MISSING)])
async def test_a_certificate_is_trusted_and_lasts(
    days: int, standing: ItemStanding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = trusted_certificate(days)
    (tmp_path / "certificate").write_bytes(pair.certificate_pem)
    (tmp_path / "key").write_bytes(pair.private_pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    async with answering(*http(200), tls=tls) as port:
        settings = Settings(public_url=f"https://{HOST}:{port}", reverse_proxies=1)
        assert (await found(settings))["certificate"].standing is ItemStanding.MISSING
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate"))
        items = await found(settings)
    assert items["certificate"].standing is standing
    assert f"ends on {NOW + timedelta(days=days):%Y-%m-%d}" in items["certificate"].text
    assert ("renew it" in items["certificate"].text) is (standing is ItemStanding.MISSING)
    assert items["proxy"].standing is ItemStanding.GOOD, items["proxy"].text


async def test_the_mail_server_is_greeted_and_sent_nothing() -> None:
    assert (await found(Settings()))["mail"].standing is ItemStanding.FOR_PEOPLE
    async with answering("220 mail.example", "250 mail.example", "250 OK", "221 Bye") as port:
        item = (await found(Settings(smtp_url=f"smtp://{HOST}:{port}", mail_from="pay@example.com")))["mail"]
    assert (item.standing, "letters are from pay@example.com" in item.text) == (ItemStanding.GOOD, True), item
    refused = (await found(Settings(smtp_url=f"smtp://{HOST}:{port}", mail_from="pay@example.com")))["mail"]
    assert (refused.standing, "takes no letters from us" in refused.text) == (ItemStanding.MISSING, True)


async def test_a_mail_server_that_does_not_know_us_is_told_without_the_password() -> None:
    async with answering(
        "220 mail.example", "250-mail.example\r\n250 AUTH PLAIN", "535 No", "535 No", "221 Bye"
    ) as port:
        item = (await found(Settings(smtp_url=f"smtp://me:hunter2@{HOST}:{port}", mail_from="pay@example.com")))["mail"]
    assert item.standing is ItemStanding.MISSING
    assert "hunter2" not in item.text
