"""Where a request comes from, as its connection and our proxies tell it. Asked for calls, too: no page's library."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tallystick.settings import Settings

Scope: TypeAlias = Mapping[str, Any]
"""Of a request, as ASGI has it."""


def client_address(scope: Scope, settings: Settings) -> str | None:
    """The client's IP address; None where only a proxy's is known.

    Every proxy of ours appends the address that it saw to X-Forwarded-For; entries before those are written by the
    client and not trusted.
    """
    proxies = settings.reverse_proxies
    if proxies:
        told = (value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
        seen = ",".join(told).split(",")
        return _address(seen[-proxies].strip()) if len(seen) >= proxies else None
    peer = _peer(scope)
    if settings.secure_cookies or peer is None:  # https ends at a proxy: the peer is that
        return None
    address = _address(peer)
    this_machine = address is not None and ipaddress.ip_address(address).is_loopback
    return None if this_machine else address  # a user of this machine, or a proxy that the settings do not count


def network_address(scope: Scope, settings: Settings) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that rules about networks go by: as our proxies tell it or, where none are counted, the peer's.

    None: that is not known, and in no network. An IPv4 address in the form of IPv6 is the IPv4 one.
    """
    known = client_address(scope, settings) if settings.reverse_proxies else _peer(scope)
    try:
        address = ipaddress.ip_address(known or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return None if client is None else str(client[0])


def _address(text: str) -> str | None:
    """The address without a port, if it is one."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None
