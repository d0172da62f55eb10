"""Which names in a Host header are ours."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tallystick.settings import Settings


def is_allowed(host: str, settings: Settings) -> bool:
    """Whether pages are answered under the name in a Host header."""
    if settings.allowed_hosts is None and names_this_machine(urlsplit(settings.public_url).netloc):
        return True  # nobody else gets here; old clients are tried out under the names that are written into them
    return is_named(host, settings)


def is_named(host: str, settings: Settings) -> bool:
    """Whether the name in a Host header is one that the settings give us."""
    ours = {_name(urlsplit(url).netloc) for url in (settings.public_url, settings.staff_url) if url is not None}
    return _name(host) in ours.union(settings.allowed_hosts or ())


def names_this_machine(host: str) -> bool:
    """Whether the name in a Host header is one that every machine has for itself."""
    name = _name(host)
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name without its port, in the one way in which we compare names."""
    name = f"{host.partition(']')[0]}]" if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")
