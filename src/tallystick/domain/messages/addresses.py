"""Web addresses that sellers give, at which messages signed by us shall arrive: whether they ever can.

A message is signed for host, path and parameters as its receiver sees them, and is checked with those. So an address
that a browser or an HTTP client rewrites before sending, or that two receivers read differently, cannot be used.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

NO_ADDRESS: Final = "it must be an absolute http or https address in ASCII, without a password"
NO_HOST: Final = "it names no possible host"
DOTS: Final = "its path must not contain . or .. as a part"
NOT_UTF8: Final = "its query must be UTF-8"
TWICE: Final = "it must not give a parameter more than once"

_MAX_CHARACTERS_OF_A_NAME: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)  # "_" is common in private networks
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_DOTS: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.ASCII | re.IGNORECASE)


def why_unusable(url: str) -> str | None:
    """Why no message of ours can arrive there and be checked, to follow "URL: "; None where it can."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or not url.isascii() or not url.isprintable() or " " in url:
        return NO_ADDRESS
    host = parts.hostname or ""
    if not (_is_ipv6(host) if "[" in parts.netloc else _is_host(host)):
        return NO_HOST
    if _DOTS.search(parts.path):  # HTTP clients resolve them before they send
        return DOTS
    try:
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True, errors="strict")]
    except ValueError:
        return NOT_UTF8
    return TWICE if len(set(names)) < len(names) else None


def host_of(url: str) -> str:
    """The host of a usable address, in the one form in which hosts are compared: see `read_host`."""
    host = read_host(urlsplit(url).hostname or "")
    if host is None:
        raise ValueError(f"no usable address: {url[:200]!r}")
    return host


def read_host(text: str) -> str | None:
    """A host in the form in which hosts are compared: lower case, no dot at the end, numeric IPv6 as short as can be.

    `text` has neither scheme nor port; brackets around IPv6 may be there. None: it names no possible host.
    """
    host = text.strip().lower()
    bare = host.removeprefix("[").removesuffix("]")
    if _is_ipv6(bare):
        return str(IPv6Address(bare))
    return host.removesuffix(".") if host.isascii() and _is_host(host) else None


def _is_ipv6(host: str) -> bool:
    return _reads(IPv6Address, host) and "%" not in host  # a zone is valid on one machine only


def _is_host(host: str) -> bool:
    """Whether a host in lower case can be looked up, under the very name that is written."""
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > _MAX_CHARACTERS_OF_A_NAME or not all(map(_LABEL.fullmatch, labels)):
        return False
    if _NUMBER.fullmatch(labels[-1]):  # browsers take 127.1 for an address, and ask for the host 127.0.0.1
        return _reads(IPv4Address, host)
    try:
        host.encode("ascii").decode("idna")
    except UnicodeError:
        return False
    return True


def _reads(kind: type[IPv4Address | IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except AddressValueError:
        return False
    return True
