"""What is known of whoever sends a request before they say who they are: an address, and the name of a browser."""

import ipaddress
import re
from typing import Any, Final

from litestar.connection import ASGIConnection

from tallystick.settings import Settings
from tallystick.words import gettext as _

MAX_USER_AGENT: Final = 300
_BROWSERS: Final = (  # the first that fits: most browsers also claim to be others
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/|Opera")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/|Chromium/")),
    ("Safari", re.compile(r"Safari/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"iPhone")),
    ("iPad", re.compile(r"iPad")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("macOS", re.compile(r"Mac OS X|Macintosh")),
    ("Linux", re.compile(r"Linux|X11")),
)

Connection = ASGIConnection[Any, Any, Any, Any]


def client_address(connection: Connection, settings: Settings) -> str | None:
    """The client's IP address; None where only a proxy's is known.

    Every proxy of ours appends the address that it saw to X-Forwarded-For; entries before those are written by the
    client and not trusted.
    """
    proxies = settings.reverse_proxies
    if proxies:
        seen = ",".join(connection.headers.getall("x-forwarded-for", [])).split(",")
        return _address(seen[-proxies].strip()) if len(seen) >= proxies else None
    if settings.secure_cookies or connection.client is None:  # https ends at a proxy: the peer is that
        return None
    address = _address(connection.client.host)
    this_machine = address is not None and ipaddress.ip_address(address).is_loopback
    return None if this_machine else address  # a user of this machine, or a proxy that the settings do not count


def network_address(connection: Connection, settings: Settings) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that rules about networks go by: as our proxies tell it or, where none are counted, the peer's.

    None: that is not known, and in no network. An IPv4 address in the form of IPv6 is the IPv4 one.
    """
    if settings.reverse_proxies:
        known = client_address(connection, settings)
    else:
        known = None if connection.client is None else connection.client.host
    try:
        address = ipaddress.ip_address(known or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _address(text: str) -> str | None:
    """The address without a port, if it is one."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def user_agent(connection: Connection) -> str:
    """What the browser says it is, shortened."""
    said = connection.headers.get("user-agent", "")
    return "".join(character for character in said if character.isprintable())[:MAX_USER_AGENT]


def device(said: str) -> str:
    """Browser and system, as people call them, in the language that is spoken: ``Firefox on Linux``."""
    browser = next((name for name, sign in _BROWSERS if sign.search(said)), None)
    system = next((name for name, sign in _SYSTEMS if sign.search(said)), None)
    browser = browser or _("A browser")
    return browser if system is None else _("%(browser)s on %(system)s", browser=browser, system=system)
