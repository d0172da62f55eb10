"""The samples for nginx and Caddy before two servers: TLS, signed calls, clients and their addresses, slow ones."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.support.balanced import all_balanced
from tests.support.certificates import KeyPair, private_key
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY
from tests.support.paths import ROOT
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop, usd

from tallystick.cli.serving.http_server import listening
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import KeyTerms
from tallystick.wiring import asgi_app, make_worker, open_service

SAMPLES = ROOT / "deploy"
NAME = "pay.example.com"


@dataclass(frozen=True)
class Place:
    """Where a proxy runs: its files, its port for https, the ports of the servers behind it."""

    directory: Path
    port: int
    behind: tuple[int, int]

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.directory / "key.pem"

    def filled(self, sample: str, more: Mapping[str, str]) -> str:
        """The sample with what is to be changed in it; all else is run as it is shipped."""
        text = (SAMPLES / sample).read_text("utf-8")
        for old, new in {**more, "127.0.0.1:8400": self.server(0), "127.0.0.1:8401": self.server(1)}.items():
            assert old in text, old
            text = text.replace(old, new)
        return text

    def server(self, number: int) -> str:
        return f"127.0.0.1:{self.behind[number]}"


def nginx(place: Place) -> list[str]:
    sample = place.filled(
        "nginx/tallystick.conf",
        {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl": f"listen 127.0.0.1:{place.port} ssl",
            f"server_name {NAME};": "server_name localhost;",
            "/etc/ssl/tallystick/fullchain.pem": str(place.certificate),
            "/etc/ssl/tallystick/key.pem": str(place.key),
        },
    )
    temporary = "".join(
        f"{kind}_temp_path {place.directory / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    configuration = place.directory / "nginx.conf"
    configuration.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {place.directory / 'pid'};\nerror_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{sample}\n}}\n"
    )
    return ["nginx", "-e", "stderr", "-p", str(place.directory), "-c", str(configuration)]


def caddy(place: Place) -> list[str]:
    sample = place.filled(
        "caddy/Caddyfile",
        {
            "{\n\tservers {": "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {",
            f"{NAME} {{": f"https://localhost:{place.port} {{\n\tbind 127.0.0.1\n\ttls {place.certificate} {place.key}",
        },
    )
    (place.directory / "Caddyfile").write_text(sample)
    return ["caddy", "run", "--config", str(place.directory / "Caddyfile"), "--adapter", "caddyfile"]


Proxy = Callable[[Place], list[str]]
PROXIES = [
    pytest.param(
        proxy,
        id=proxy.__name__,
        marks=pytest.mark.skipif(shutil.which(proxy.__name__) is None, reason=f"{proxy.__name__} is not installed"),
    )
    for proxy in (nginx, caddy)
]


def authority(host: str = "localhost", days: int = 1) -> KeyPair:
    """An authority that signs its own certificate, for this name of this machine."""
    key, now = private_key(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = [x509.DNSName(host), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(key, certificate)


@asynccontextmanager
async def running(command: list[str], place: Place, client: httpx.AsyncClient) -> AsyncIterator[None]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(place.directory)}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=place.directory, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    try:
        while not await answers(place, client):
            assert process.returncode is None, (await said).decode()
            await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await said


async def answers(place: Place, client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get(f"https://localhost:{place.port}/healthz")).is_success
    except httpx.TransportError:
        return False


@dataclass
class BehindProxy:
    """A shop that calls through a proxy; `other`: the second service behind it, besides the shop's."""

    shop: Shop
    place: Place
    trust: ssl.SSLContext
    other: Service


@pytest.fixture(params=PROXIES)
async def proxied(
    request: pytest.FixtureRequest, make_migrated: MakeDatabase, tmp_path: Path
) -> AsyncIterator[BehindProxy]:
    place = Place(tmp_path, free_port(), (free_port(), free_port()))
    pair, clock = authority(), TestClock()
    place.certificate.write_bytes(pair.certificate_pem)
    place.key.write_bytes(pair.private_pem)
    trust = ssl.create_default_context(cafile=str(place.certificate))
    url = f"https://localhost:{place.port}"
    settings = Settings(
        data_directory=tmp_path / "data",
        database_url=await make_migrated(),
        public_url=url,
        master_key=MASTER_KEY,
        reverse_proxies=1,
    )
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(settings, clock))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=90, **{**CHECKED, "verify": trust}))
        await stack.enter_async_context(listening(asgi_app(service), "127.0.0.1", place.behind[0]))
        other = await stack.enter_async_context(open_service(settings, clock))
        await stack.enter_async_context(listening(asgi_app(other), "127.0.0.1", place.behind[1]))
        proxy: Proxy = request.param
        await stack.enter_async_context(running(proxy(place), place, client))
        shop = await new_shop(service, make_worker(service), client, url, clock)
        async with all_balanced(service.pool):
            yield BehindProxy(shop, place, trust, other)


@pytest.mark.timeout(300)
async def test_a_sample_stands_before_two_servers(proxied: BehindProxy) -> None:
    """One test for each, since a proxy, two servers and a database have to be started."""
    shop = proxied.shop
    buyer = await shop.books.funded_buyer("10.00")
    assert (await shop.pay(buyer, "1.00")).code is None, "the name that was signed for is passed on"
    assert (await shop.client.get(f"{shop.url}/metrics")).status_code == 404
    assert (await shop.client.get(f"{shop.url}/account/sign-in")).status_code == 200

    await the_address_of_a_client_is_the_one_that_the_proxy_saw(shop)
    await who_sends_slowly_keeps_nobody_waiting(proxied)

    answers = [await shop.pay(buyer, "0.01") for _ in range(30)]
    assert all(service.meter.calls["Pay", "ok"] > 0 for service in (shop.service, proxied.other)), (
        "both have their part"
    )
    assert {answer.code for answer in answers} == {None}
    assert await shop.balance(buyer) == usd("8.70")


async def the_address_of_a_client_is_the_one_that_the_proxy_saw(shop: Shop) -> None:
    service, now = shop.service, shop.clock()
    keys = [
        await access_keys.create(
            service.pool, service.vault, shop.key.party_id, "sandbox", now, terms=KeyTerms(networks=(network,))
        )
        for network in ("127.0.0.0/8", "203.0.113.0/24")
    ]
    here, there = (shop.with_key(key) for key in keys)
    assert (await here.call("GetAccountBalance")).code is None
    assert (await there.call("GetAccountBalance")).code == "AuthFailure"
    shop.client.headers["X-Forwarded-For"] = "203.0.113.7"
    try:
        assert (await here.call("GetAccountBalance")).code is None
        assert (await there.call("GetAccountBalance")).code == "AuthFailure", "anybody can write that they are there"
    finally:
        del shop.client.headers["X-Forwarded-For"]


async def who_sends_slowly_keeps_nobody_waiting(proxied: BehindProxy) -> None:
    """Byte for byte; the service hears of it when it is whole, or as it comes, and answers."""
    body = b"Action=GetAccountBalance"
    reader, writer = await asyncio.open_connection("localhost", proxied.place.port, ssl=proxied.trust)
    host = proxied.shop.host.encode()
    writer.write(
        b"POST / HTTP/1.1\r\nHost: %b\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\n\r\n" % (host, len(body))
    )
    for number in range(len(body)):
        writer.write(body[number : number + 1])
        await writer.drain()
        if number % 8 == 0:
            assert (await proxied.shop.call("GetAccountBalance")).code is None
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"<Code>" in answer


@pytest.mark.parametrize("sample", ["nginx/tallystick.conf", "caddy/Caddyfile"])
def test_a_sample_has_what_the_service_needs(sample: str) -> None:
    """Also where neither program is installed."""
    text = (SAMPLES / sample).read_text("utf-8")
    assert text.count("{") == text.count("}")
    for needed in ("8400", "8401", "/metrics", "60s", "20s", "33"):
        assert needed in text
    if sample.startswith("nginx"):
        assert "proxy_set_header Host $http_host;" in text
        assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in text
    assert text.splitlines()[1].endswith("TALLYSTICK_REVERSE_PROXIES=1.")
