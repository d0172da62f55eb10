"""A library in which the service's address is a constant: the service bears that name, by a CA of one's own.

Everything is as docs/migrating.md tells it, with its own commands. Only the hosts file of this machine is left alone:
the client of the test finds the names by a table of its own, and checks certificates as any client does.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from tests.clients.conftest import make_seller
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import running
from tests.support.paths import ROOT
from tests.support.shop import signature

from tallystick.domain.messages import signing
from tallystick.services.consent.outbound import sign_return_url
from tallystick.settings import from_environment
from tallystick.store.keys.access_keys import AccessKey
from tallystick.wiring import open_service

API: Final = "fps.sandbox.amazonaws.com"
PAGES: Final = "authorize.payments-sandbox.amazon.com"
ENDPOINT: Final = "https://shop.example/back"
MIGRATING: Final = ROOT / "docs" / "migrating.md"


@dataclass(frozen=True)
class Named:
    """The running program behind a proxy that shows the certificate. `hosts`: what a hosts file would say."""

    hosts: dict[str, tuple[str, int]]
    trusted: ssl.SSLContext
    key: AccessKey
    returned: str

    async def get(self, url: str) -> tuple[int, str]:
        """Ask as a client does that knows nothing but the name. Raises ssl.SSLError: the name is not proven."""
        parts = urlsplit(url)
        address, port = self.hosts[parts.netloc]
        reader, writer = await asyncio.open_connection(
            address, port, ssl=self.trusted, server_hostname=parts.hostname, ssl_handshake_timeout=30
        )
        target = parts._replace(scheme="", netloc="").geturl()
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(), 30)).decode().partition("\r\n\r\n")
        writer.close()
        return int(head.split(" ")[1]), body


def commands() -> str:
    """The commands of the guide, as they stand there."""
    return MIGRATING.read_text("utf-8").split("```sh\n")[1].partition("```")[0]


def make_certificates(place: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(  # noqa: S603 - the commands of our own guide
        ["/bin/sh", "-e", "-c", commands()], cwd=place, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def proxy(certificate: Path, key: Path, port: int) -> AsyncIterator[int]:
    """TLS on a port that the system chooses, and the program behind it; it passes everything on unchanged."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        there = asyncio.create_task(pump(reader, inner_writer))
        await pump(inner_reader, writer)
        there.cancel()
        inner_writer.close()
        writer.close()

    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(certificate, key)
    async with await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=shown) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
async def named(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Named]:
    """One program for all tests of this file: they only ask it."""
    tmp_path = tmp_path_factory.mktemp("named")
    make_certificates(tmp_path)
    port = free_port()
    settings = {
        "TALLYSTICK_DATABASE_URL": await make_database(),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path / "data"),
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_PUBLIC_URL": f"https://{API}",
        "TALLYSTICK_ALLOWED_HOSTS": PAGES,
    }
    async with open_service(from_environment(settings)) as service:
        key, _ = await make_seller(service)
        answer = {"status": "SC", "tokenID": "U0 +~"}
        returned = await sign_return_url(service, f"{ENDPOINT}?order=7", answer, "request-1")
        async with (
            running("serve", settings=settings, until="worker"),
            proxy(tmp_path / "fps.pem", tmp_path / "fps.key", port) as outer,
        ):
            hosts = {API: ("127.0.0.1", outer), PAGES: ("127.0.0.1", outer), "fps.amazonaws.com": ("127.0.0.1", outer)}
            yield Named(hosts, ssl.create_default_context(cafile=tmp_path / "ca.pem"), key, returned)


async def checked_by_a_library(named: Named, message: str) -> str:
    """How Amazon's libraries check a message: the address is a constant, and so is the start of certificateUrl."""
    (certificate,) = parse_qs(message)["certificateUrl"]
    if not certificate.startswith(f"https://{API}/"):
        return "the certificate is somebody else's"
    question = f"UrlEndPoint={quote(ENDPOINT, safe='')}&HttpParameters={quote(message, safe='')}"
    status, body = await named.get(f"https://{API}/?Action=VerifySignature&{question}&Version=2010-08-28")
    verified = "<VerificationStatus>Success</VerificationStatus>" in body
    return "verified" if status == 200 and verified else "not verified"


async def test_a_library_with_a_constant_address_is_served(named: Named) -> None:
    message = urlsplit(named.returned).query
    (certificate,) = parse_qs(message)["certificateUrl"]

    assert await checked_by_a_library(named, message) == "verified"
    assert await checked_by_a_library(named, message.replace("status=SC", "status=SB")) == "not verified"
    status, pem = await named.get(certificate)
    assert (status, signing.public_key(pem).key_size) == (200, 2048)


async def test_calls_and_links_signed_for_the_original_names_are_accepted(named: Named) -> None:
    signed = {
        "Action": "GetAccountBalance",
        "AWSAccessKeyId": named.key.access_key_id,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": named.key.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": "2010-08-28",
    }
    call = signed | {"Signature": signature("GET", API, "/", signed, named.key.secret)}
    link = {
        "callerKey": named.key.access_key_id,
        "callerReferenceFunding": "funding",
        "callerReferenceSender": "sender",
        "fundingAmount": "10.00",
        "pipelineName": "SetupPrepaid",
        "returnURL": ENDPOINT,
        "signatureMethod": "HmacSHA256",
        "signatureVersion": "2",
    }
    text = signing.string_to_sign_v2("GET", PAGES, "/cobranded-ui/actions/start", link, "signature")
    link["signature"] = signing.hmac_signature(text, named.key.secret, "HmacSHA256")

    status, body = await named.get(f"https://{API}/?{urlencode(call, quote_via=quote)}")
    begun, _ = await named.get(f"https://{PAGES}/cobranded-ui/actions/start?{urlencode(link)}")

    assert (status, "<TotalBalance>" in body) == (200, True), body
    assert begun in {302, 303}


async def test_only_the_names_of_the_certificate_are_proven(named: Named) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await named.get("https://fps.amazonaws.com/")
