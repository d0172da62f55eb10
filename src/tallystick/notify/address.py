"""Addresses at which sellers want to be notified: which of them can be used."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from tallystick.domain.messages.addresses import NO_ADDRESS, why_unusable
from tallystick.notify import safety

MAX_CHARACTERS: Final = 2048
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_SECONDS_TO_RESOLVE: Final = 3


class UnusableAddressError(ValueError):
    """Nothing could ever be sent there; the message says why, to people."""


def check_form(url: str) -> None:
    """An absolute http or https address at which signed messages can arrive. Raises UnusableAddressError."""
    reason = why_unusable(url)
    if reason == NO_ADDRESS:
        raise UnusableAddressError(f"not an http or https address: {url!r}")
    if reason is not None:
        raise UnusableAddressError(f"this address cannot be used, {reason}: {url!r}")
    if len(url) > MAX_CHARACTERS:
        raise UnusableAddressError(f"an address has at most {MAX_CHARACTERS} characters")


async def check_public(url: str, resolver: safety.Resolve = safety.resolve) -> None:
    """Refuse a host that is known to be outside the public internet, as sending would. Raises UnusableAddressError.

    A host that has no address now may have one later, so it passes: delivery checks again, each time.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = await asyncio.wait_for(
            resolver(host, parts.port or DEFAULT_PORTS[parts.scheme]), timeout=_SECONDS_TO_RESOLVE
        )
        public = all(safety.is_public(ipaddress.ip_address(text)) for text in found)
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return
    if not public:
        raise UnusableAddressError(f"{host} is not on the public internet; notifications are not sent there")
