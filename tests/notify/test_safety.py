from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.notify.receivers import answer, receiver, until

from tallystick.notify.safety import UnsafeTargetError, is_public, open_client, post_form, resolve

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",  # AWS: credentials of containers
    "168.63.129.16",  # Azure
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
    "100.100.100.200",  # Alibaba
    "192.0.0.192",  # Oracle
    "fd00:ec2::254",  # AWS
    "fd20:ce::254",  # Google
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2002:a00:1::1",
    "2001::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]


class Names:
    """A resolver that says something else each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def post(url: str, names: Names | None = None, *, allow_private: bool = True, seconds: float = 5) -> int:
    resolver = resolve if names is None else names
    async with open_client(allow_private=allow_private, resolver=resolver) as client:
        return await post_form(client, url, "a=1", seconds)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
async def test_other_addresses_are_refused_before_anything_is_sent(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(UnsafeTargetError, match=r"shop\.example is not on the public internet"):
        await post("http://shop.example/ipn", Names([text]), allow_private=False)
    with pytest.raises(UnsafeTargetError):
        await post("http://shop.example/ipn", Names(["8.8.8.8", text]), allow_private=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:7f00:1]"]
)
async def test_spellings_of_this_machine_are_refused(host: str) -> None:
    async with receiver() as inside:
        with pytest.raises((UnsafeTargetError, httpx.ConnectError, httpx.InvalidURL)):
            await post(f"http://{host}:{inside.port}/ipn", allow_private=False)
        assert inside.connections == 0


async def test_the_setting_lets_tests_and_demos_reach_this_machine() -> None:
    async with receiver() as inside:
        assert await post(f"http://localhost:{inside.port}/ipn?x=1") == 200
    (received,) = inside.received
    assert received.target == "/ipn?x=1"
    assert received.headers["host"] == f"localhost:{inside.port}"
    assert received.body == "a=1"


async def test_a_name_that_changes_its_address_is_resolved_once() -> None:
    """The connection goes to the address that was checked, although the next lookup of the name gives another one."""
    async with receiver() as first:
        names = Names(["127.0.0.1"], ["203.0.113.9"])
        assert await post(f"http://rebinding.example:{first.port}/", names) == 200
        assert names.asked == [("rebinding.example", first.port)]
        assert first.received[0].headers["host"] == f"rebinding.example:{first.port}"


async def test_a_name_that_turns_inwards_is_refused_the_second_time() -> None:
    async with receiver() as inside:
        names = Names(["203.0.114.9"], ["127.0.0.1"])
        url = f"http://rebinding.example:{inside.port}/"
        with pytest.raises((TimeoutError, httpx.TransportError)) as outside:
            await post(url, names, allow_private=False, seconds=0.2)
        assert not isinstance(outside.value, UnsafeTargetError)
        with pytest.raises(UnsafeTargetError):
            await post(url, names, allow_private=False)
        assert inside.connections == 0


async def test_a_host_of_several_addresses_is_reached_at_the_next_one() -> None:
    async with receiver() as second:
        assert await post(f"http://two.example:{second.port}/", Names(["127.0.0.2", "127.0.0.1"])) == 200
        assert len(second.received) == 1


@pytest.mark.parametrize("names", [Names([]), None])
async def test_a_name_without_an_address(names: Names | None) -> None:
    with pytest.raises(httpx.ConnectError, match="has no address"):
        await post("http://no-such-host.invalid/", names)


@pytest.mark.parametrize(
    "url", ["ftp://shop.example/", "file:///etc/passwd", "gopher://127.0.0.1/", "shop.example/ipn"]
)
async def test_only_http_and_https(url: str) -> None:
    with pytest.raises((UnsafeTargetError, httpx.UnsupportedProtocol)):
        await post(url)


async def test_redirects_are_not_followed() -> None:
    async with receiver() as target, receiver(usual=answer(307, f"location: {target.url}")) as first:
        assert await post(first.url) == 307
        assert target.connections == 0


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as proxy, receiver() as target:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy.port}")
        assert await post(target.url) == 200
        assert (proxy.connections, target.connections) == (0, 1)


async def test_cookies_are_not_kept() -> None:
    async with receiver(usual=answer(200, "set-cookie: visit=1; path=/")) as target:
        async with open_client(allow_private=True) as client:
            for _ in range(2):
                await post_form(client, target.url, "a=1", 5)
        assert ["cookie" in received.headers for received in target.received] == [False, False]


async def test_a_silent_receiver_costs_its_time_and_no_more() -> None:
    async with receiver(usual=None) as silent:
        with pytest.raises(TimeoutError):
            await post(silent.url, seconds=0.2)
        await until(lambda: not silent.busy)


async def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while sent < 50_000_000:
                writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
                await writer.drain()
                sent += 0x2000
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await post(f"http://127.0.0.1:{port}/") == 200
    server.close()
    assert sent < 20_000_000


async def test_an_answer_that_never_ends_its_headers_is_a_failure() -> None:
    async with receiver(usual=b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 1_000_000) as babbler:
        with pytest.raises(httpx.TransportError):
            await post(babbler.url)


async def test_tls_checks_the_name_while_the_connection_goes_to_the_address(tmp_path: Path) -> None:
    server, client = make_tls(tmp_path, "shop.example")
    async with receiver(tls=server) as secure:
        async with open_client(allow_private=True, tls=client, resolver=Names(["127.0.0.1"])) as opened:
            assert await post_form(opened, f"https://shop.example:{secure.port}/ipn", "a=1", 5) == 200
            with pytest.raises(httpx.ConnectError, match=r"(?i)hostname mismatch|not valid for"):
                await post_form(opened, f"https://other.example:{secure.port}/ipn", "a=1", 5)
        async with open_client(allow_private=True, resolver=Names(["127.0.0.1"])) as stranger:
            with pytest.raises(httpx.ConnectError, match=r"(?i)certificate verify failed"):
                await post_form(stranger, f"https://shop.example:{secure.port}/ipn", "a=1", 5)
    assert [received.headers["host"] for received in secure.received] == [f"shop.example:{secure.port}"]


def make_tls(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server with a certificate for `name`, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = directory / "server.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    both.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + pem
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cadata=pem.decode())
