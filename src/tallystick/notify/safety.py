"""Requests to addresses that strangers chose: only to public hosts, only to the address that was looked at.

A seller's notification URL could name a machine inside our own network, or a name that changes its address between a
check and the connection. So the name is resolved once, every address it has is checked, and the connection goes to one
of those; TLS and the Host header keep the name. Redirects and proxies of the environment play no part.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from typing import Final, TypeAlias

import httpx

from tallystick import __version__

USER_AGENT: Final = f"Tallystick/{__version__}"
MAX_ANSWER_BYTES: Final = 16 * 1024
"""Of an answer's body, which nobody reads: taken so that the receiver is not cut off, then the connection closes."""

CONNECT_SECONDS: Final = 4
"""To one address of a host; then the next one gets its chance."""

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text. Raises OSError when it has none."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16"),
            "168.63.129.16/32",  # public by its number, but on every machine of Azure the host's own metadata
        ),
    )
)
"""Kept for special purposes by IANA, though some versions of Python take parts of them for public. Among them the
tunnels Teredo and 6to4 (2001::/32, 2002::/16): what they lead to is an IPv4 address, and nobody needs them any more.
The other clouds keep their metadata where no public address is: 169.254.169.254, 100.100.100.200, fd00:ec2::254.
"""


class UnsafeTargetError(httpx.TransportError):
    """The address is one that we do not send to: not public, or not http or https."""


class NoAddressFoundError(httpx.ConnectError):
    """The name of the host leads to no address: it is misspelt, or whoever keeps it does not answer."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: Address) -> bool:
    """Whether the address belongs to the open internet. One that wraps an IPv4 address is as public as that one."""
    if isinstance(address, ipaddress.IPv6Address):
        plain = address.ipv4_mapped or _translated(address)
        if plain is not None:
            return is_public(plain)
        if address.is_site_local:
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address behind one of a network that reaches IPv4 through a translator (NAT64)."""
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends a request to an address that its host had when it was checked. One connection for each request.

    Raises UnsafeTargetError before anything is sent; httpx.TransportError as usual.
    """

    def __init__(self, tls: ssl.SSLContext, resolver: Resolve = resolve, *, allow_private: bool = False) -> None:
        # A kept connection would be shared by all names at one address, though TLS vouched for one of them only.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
        self._resolve = resolver
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Resolve, check, connect to what was checked."""
        if request.url.scheme not in {"http", "https"}:
            raise UnsafeTargetError(f"neither http nor https: {request.url.scheme!r}", request=request)
        host = request.url.raw_host.decode("ascii")
        addresses = await self._checked(request, host)
        extensions = {**request.extensions, "sni_hostname": host}
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent: the next one may do
                return await self._send(request, address, extensions)
        return await self._send(request, addresses[-1], extensions)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _checked(self, request: httpx.Request, host: str) -> list[str]:
        port = request.url.port or {"http": 80, "https": 443}[request.url.scheme]
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError) as error:
            raise NoAddressFoundError(f"{host} has no address: {error}", request=request) from error
        if not found:
            raise NoAddressFoundError(f"{host} has no address", request=request)
        if not self._allow_private and not all(map(is_public, found)):
            # also where only one of several is: such a mixture has no honest use
            raise UnsafeTargetError(f"{host} is not on the public internet", request=request)
        return [str(address) for address in found]

    async def _send(self, request: httpx.Request, address: str, extensions: dict[str, object]) -> httpx.Response:
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # Host among them, with the name
            stream=request.stream,
            extensions=extensions,
        )
        return await self._inner.handle_async_request(pinned)


def open_client(
    *,
    allow_private: bool,
    tls: ssl.SSLContext | None = None,
    resolver: Resolve = resolve,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client for such requests. `tls`: how receivers' certificates are checked; None: as browsers do.

    `transport`: another way to receivers than over the network, which then has to look at addresses itself.
    The caller sets the time limit for the whole request.
    """
    if transport is None:
        transport = PinnedTransport(tls or _as_browsers_check(), resolver, allow_private=allow_private)
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none are kept
        headers={"user-agent": USER_AGENT, "accept": "*/*"},
    )


@cache
def _as_browsers_check() -> ssl.SSLContext:
    """Reading the authorities takes 30 ms, in which nothing else is done: once for all clients of a process."""
    return httpx.create_ssl_context()


async def post_form(
    client: httpx.AsyncClient, url: str, body: str, timeout_seconds: float, headers: Mapping[str, str] = NO_HEADERS
) -> int:
    """Post a form and answer with the status; the receiver's own body is not looked at. `headers`: further ones.

    Raises TimeoutError when there is no answer in time, httpx.TransportError, httpx.InvalidURL.
    """
    form = {**headers, "content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return await _post(client, url, body.encode("ascii"), timeout_seconds, form)


async def post_json(
    client: httpx.AsyncClient, url: str, body: bytes, timeout_seconds: float, headers: Mapping[str, str]
) -> int:
    """The same with JSON."""
    return await _post(client, url, body, timeout_seconds, {**headers, "content-type": "application/json"})


async def _post(
    client: httpx.AsyncClient, url: str, content: bytes, timeout_seconds: float, headers: Mapping[str, str]
) -> int:
    try:
        async with asyncio.timeout(timeout_seconds):
            request = client.build_request("POST", url, content=content, headers=dict(headers))
            response = await client.send(request, stream=True)
    except UnicodeError as error:  # a host that looks like a name in other letters and is none
        raise httpx.InvalidURL(str(error)) from error
    try:
        with suppress(TimeoutError, httpx.TransportError):
            async with asyncio.timeout(1):
                await _drain(response)
    finally:
        await response.aclose()
    return response.status_code


async def get_text(client: httpx.AsyncClient, url: str, timeout_seconds: float) -> tuple[int, str]:
    """Status and text of an answer, no more of it than MAX_ANSWER_BYTES; letters beyond ASCII are replaced.

    Raises TimeoutError when it is not there in time, httpx.TransportError, httpx.InvalidURL.
    """
    body = b""
    async with asyncio.timeout(timeout_seconds):
        # as it comes, not compressed: a few bytes could become very many
        request = client.build_request("GET", url, headers={"accept-encoding": "identity"})
        response = await client.send(request, stream=True)
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
    return response.status_code, body[:MAX_ANSWER_BYTES].decode("ascii", errors="replace")


async def _drain(response: httpx.Response) -> None:
    taken = 0
    async for chunk in response.aiter_raw():  # as it comes: what is compressed stays small
        taken += len(chunk)
        if taken > MAX_ANSWER_BYTES:
            return
